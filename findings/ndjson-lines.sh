#!/usr/bin/env bash
# Three records as lines of JSON over HTTP, one with U+2028 and one with U+0085 in a text, which JSON allows unescaped. Each
# line ends with LF, and there are three. How many of them a client's own way to read lines finds, seen in December 2026:
#
#   httpx 0.28.1      iter_lines and aiter_lines: 5, two records are cut in two
#   requests 2.34.2   iter_lines: 3; iter_lines(decode_unicode=True): 5
#   aiohttp 3.14.5    the lines of `content`: 3
#   Node.js fetch with split2 4.2.0: 3
#
# A service in Python writes its JSON with such characters escaped, unless it is told not to, so its own tests find nothing.
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

install_python httpx==0.28.1 requests==2.34.2 aiohttp==3.14.5
install_node split2@4.2.0

cat > server.py <<'PYTHON'
import http.server
import json

RECORDS = [{"id": 1, "text": "a\u2028b"}, {"id": 2, "text": "a\u0085b"}, {"id": 3, "text": "a"}]
LINES = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS).encode()


class Records(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson; charset=utf-8")
        self.send_header("content-length", str(len(LINES)))
        self.end_headers()
        self.wfile.write(LINES)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Records)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
cat > ask.py <<'PYTHON'
import asyncio
import sys

import aiohttp
import httpx
import requests

url = sys.argv[1]


async def by_httpx():
    async with httpx.AsyncClient() as client, client.stream("GET", url) as answer:
        return len([line async for line in answer.aiter_lines()])


async def by_aiohttp():
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return len([line async for line in answer.content])


print("httpx iter_lines:", len(list(httpx.get(url).iter_lines())))
print("httpx aiter_lines:", asyncio.run(by_httpx()))
print("requests iter_lines:", len(list(requests.get(url).iter_lines())))
print("requests iter_lines(decode_unicode=True):", len(list(requests.get(url).iter_lines(decode_unicode=True))))
print("aiohttp content:", asyncio.run(by_aiohttp()))
PYTHON
cat > ask.mjs <<'JAVASCRIPT'
import { Readable } from "node:stream";
import split from "split2";

const { body } = await fetch(process.argv[2]);
let lines = 0;
for await (const _ of Readable.fromWeb(body).pipe(split())) lines++;
console.log("split2:", lines);
JAVASCRIPT

mkfifo port
python/bin/python server.py > port &
started+=($!)
read -r port < port
{ python/bin/python ask.py "http://127.0.0.1:$port/"; node ask.mjs "http://127.0.0.1:$port/"; } | tee seen

diff - seen <<'EXPECTED' && echo "as found"
httpx iter_lines: 5
httpx aiter_lines: 5
requests iter_lines: 3
requests iter_lines(decode_unicode=True): 5
aiohttp content: 3
split2: 3
EXPECTED
