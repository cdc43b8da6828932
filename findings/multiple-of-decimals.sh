#!/usr/bin/env bash
# The JSON Schema keyword multipleOf with a decimal fraction, as schemas of prices have it:
# {"type":"number","multipleOf":0.01}. By the specification (2020-12, validation, 6.2.1) 19.99 is
# valid: divided by 0.01 it is an integer. Seen, in November 2026:
#
#   refused    ajv 8.20.0 (unless multipleOfPrecision is set), jsonschema 4.26.0 of Python: both
#              divide binary fractions, and so refuse 0.07, 0.29, 2.55, 19.99, but not 1.1
#   accepted   fastjsonschema 2.22.3 of Python, ajv 8.20.0 with multipleOfPrecision: 6
#
# So a schema with cents means other numbers to a form in the browser than to a service that is
# exact, and a part of all prices cannot be entered.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install jsonschema==4.26.0 fastjsonschema==2.22.3
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund ajv@8.20.0

cat > prices.json <<'JSON'
[0.07, 0.29, 1.1, 2.55, 19.99]
JSON

cat > ask.cjs <<'JS'
const Ajv = require("ajv");
const prices = require("./prices.json");
const schema = { type: "number", multipleOf: 0.01 };
for (const [name, options] of [["ajv", {}], ["ajv with precision", { multipleOfPrecision: 6 }]]) {
  const check = new Ajv(options).compile(schema);
  console.log(`${name}: ${prices.filter((price) => check(price)).join(" ")}`);
}
JS
cat > ask.py <<'PYTHON'
import json

import fastjsonschema
import jsonschema

prices = json.load(open("prices.json"))
schema = {"type": "number", "multipleOf": 0.01}
exact = jsonschema.Draft202012Validator(schema)
fast = fastjsonschema.compile(schema)


def accepts(price):
    try:
        fast(price)
        return True
    except fastjsonschema.JsonSchemaException:
        return False


print("jsonschema:", *(price for price in prices if exact.is_valid(price)))
print("fastjsonschema:", *(price for price in prices if accepts(price)))
PYTHON

{ node ask.cjs; python/bin/python ask.py; } | tee seen
cat > expected <<'TEXT'
ajv: 1.1
ajv with precision: 0.07 0.29 1.1 2.55 19.99
jsonschema: 1.1
fastjsonschema: 0.07 0.29 1.1 2.55 19.99
TEXT
diff expected seen
