#!/usr/bin/env bash
# One DynamoDB item with ordinary decimal numbers, read and written by the converters of two AWS SDKs. DynamoDB itself
# keeps 38 digits. Seen, in November 2026:
#
#   @aws-sdk/util-dynamodb 3.996.9   the type of a value follows its size: number up to 2^53 - 1, bigint above; digits of
#                                    a small fraction are lost in silence, but a fraction above 2^53 makes unmarshall
#                                    throw, and then no attribute of the item can be read. marshall takes 0.1, and
#                                    refuses the number 2^53, which a double holds exactly
#   boto3 1.44.8                     reads them all as Decimal, digit for digit, and writes no float at all, not even 0.5
#
# So an amount such as 12345678901234567890.5, stored by one program, makes a whole item unreadable to another's default
# settings (wrapNumbers helps there), and no number type is written the same way by both.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install boto3==1.44.8
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @aws-sdk/util-dynamodb@3.996.9

cat > numbers.json <<'JSON'
["42", "9007199254740991", "9007199254740993", "0.12345678901234567890", "12345678901234567890.5"]
JSON

cat > convert.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";

for (const N of JSON.parse(readFileSync("numbers.json", "utf8"))) {
  try {
    const { n } = unmarshall({ n: { N } });
    console.log(`JavaScript reads ${N} as ${typeof n} ${n}`);
  } catch {
    console.log(`JavaScript does not read an item with ${N}`);
  }
}
for (const n of [0.5, 2 ** 53 - 1, 2 ** 53]) {
  try {
    console.log(`JavaScript writes ${n} as ${marshall({ n }).n.N}`);
  } catch {
    console.log(`JavaScript does not write ${n}`);
  }
}
JAVASCRIPT
cat > convert.py <<'PYTHON'
import json
from decimal import Decimal

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

for text in json.load(open("numbers.json")):
    value = TypeDeserializer().deserialize({"N": text})
    print(f"Python reads {text} as {type(value).__name__} {value}")
for number in [0.5, Decimal("0.5"), 2**53]:
    try:
        written = TypeSerializer().serialize(number)["N"]
        print(f"Python writes {type(number).__name__} {number} as {written}")
    except TypeError:
        print(f"Python does not write {type(number).__name__} {number}")
PYTHON
{ node convert.mjs; python/bin/python convert.py; } | tee seen

diff - seen <<'EXPECTED' && echo "as found"
JavaScript reads 42 as number 42
JavaScript reads 9007199254740991 as number 9007199254740991
JavaScript reads 9007199254740993 as bigint 9007199254740993
JavaScript reads 0.12345678901234567890 as number 0.12345678901234568
JavaScript does not read an item with 12345678901234567890.5
JavaScript writes 0.5 as 0.5
JavaScript writes 9007199254740991 as 9007199254740991
JavaScript does not write 9007199254740992
Python reads 42 as Decimal 42
Python reads 9007199254740991 as Decimal 9007199254740991
Python reads 9007199254740993 as Decimal 9007199254740993
Python reads 0.12345678901234567890 as Decimal 0.12345678901234567890
Python reads 12345678901234567890.5 as Decimal 12345678901234567890.5
Python does not write float 0.5
Python writes Decimal 0.5 as 0.5
Python writes int 9007199254740992 as 9007199254740992
EXPECTED
