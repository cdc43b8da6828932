#!/usr/bin/env bash
# One OpenAPI document, three clients made of it. It has a query parameter that is an object, written
# as the specification's own default (`style: form`, `explode: true`: each member is a parameter by its
# own name), and a body of lines (`application/x-ndjson`, a string). Seen, in November 2026:
#
#   openapi-fetch 0.17.0 (types by openapi-typescript 7.13.0)
#       sends filter[status]=open, whatever style the document says; a string body as a JSON string,
#       in quotes, as application/json
#   @hey-api/openapi-ts 0.99.0
#       sends status=open; the string in quotes, as application/x-ndjson
#   openapi-python-client 0.29.1
#       sends status=open; makes no function for the body, whose type it does not know
#
# No client reports anything when it sends. What helps: openapi-fetch takes `querySerializer: { object:
# { style: "form", explode: true } }` and `bodySerializer`, @hey-api/openapi-ts `bodySerializer: null`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install openapi-python-client==0.29.1
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund openapi-fetch@0.17.0 openapi-typescript@7.13.0 \
    @hey-api/openapi-ts@0.99.0 typescript@5.9.3 2>/dev/null

cat > openapi.json <<'JSON'
{ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "servers": [{ "url": "/" }],
  "paths": {
    "/list": { "get": { "operationId": "list", "tags": ["t"],
      "parameters": [{ "name": "filter", "in": "query", "style": "form", "explode": true,
        "schema": { "type": "object", "additionalProperties": { "type": "string" } } }],
      "responses": { "200": { "description": "It.", "content": { "application/json": { "schema": {} } } } } } },
    "/load": { "post": { "operationId": "load", "tags": ["t"],
      "requestBody": { "required": true, "content": { "application/x-ndjson": { "schema": { "type": "string" } } } },
      "responses": { "200": { "description": "It.", "content": { "application/json": { "schema": {} } } } } } } } }
JSON
node node_modules/@hey-api/openapi-ts/bin/run.js --input openapi.json --output hey --silent
PATH="$folder/python/bin:$PATH" python/bin/openapi-python-client generate --path openapi.json \
    --meta none --output-path made >/dev/null 2>&1

cat > ask.ts <<'TS'
import createClient from "openapi-fetch";
import { client } from "./hey/client.gen";
import { list, load } from "./hey/sdk.gen";
declare const process: { argv: string[] };
const baseUrl = process.argv[2];
(async () => {
  const plain = createClient<any>({ baseUrl });
  await plain.GET("/list", { params: { query: { filter: { status: "open" } } } } as any);
  await plain.POST("/load", { body: "{}\n" } as any);
  client.setConfig({ baseUrl });
  await list({ query: { filter: { status: "open" } } });
  await load({ body: "{}\n" });
})();
TS
node node_modules/typescript/bin/tsc --target es2022 --module node16 --skipLibCheck --outDir out ask.ts
cat > ask.py <<'PYTHON'
import importlib.util
import sys

from made import Client
from made.api.t import list_
from made.models import ListFilter

condition = ListFilter()
condition["status"] = "open"
list_.sync_detailed(client=Client(base_url=sys.argv[1]), filter_=condition)
print("python has a function for the body:", importlib.util.find_spec("made.api.t.load") is not None)
PYTHON
cat > server.cjs <<'JS'
const { spawn } = require("node:child_process");
const server = require("node:http").createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece)).on("end", () => {
    const type = request.headers["content-type"];
    console.log(request.method, decodeURIComponent(request.url), ...(body ? [type, body] : []));
    response.setHeader("content-type", "application/json").end("{}");
  });
});
server.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const ts = spawn("node", ["out/ask.js", url], { stdio: "inherit" });
  ts.on("exit", () => {
    const py = spawn("python/bin/python", ["ask.py", url], { stdio: "inherit" });
    py.on("exit", () => server.close());
  });
});
JS
node server.cjs | tee seen
cat > expected <<'TEXT'
GET /list?filter[status]=open
POST /load application/json "{}\n"
GET /list?status=open
POST /load application/x-ndjson "{}\n"
GET /list?status=open
python has a function for the body: False
TEXT
diff expected seen
