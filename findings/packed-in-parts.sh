#!/usr/bin/env bash
# Six lines, packed three and three: two members of gzip one after the other (`cat a.gz b.gz`, what appends to a packed file
# or packs in parallel makes), two frames of zstd. RFC 1952 and RFC 8878 say that this is one text of six lines. How many
# lines a reader gets, seen in December 2026, none with an error:
#
#   an answer with Content-Encoding: gzip   httpx 0.28.1: 3; requests 2.34.2, aiohttp 3.14.5, fetch of Node.js: 6
#   the same with zstd                      all three of Python: 6
#   bytes of a gzip file, in JavaScript     gunzipSync of fflate 0.8.3: 3, its stream: 6; pako 3.0.3, Node.js: 6
#   bytes of a zstd file, in Python         ZstdDecompressor().decompress of zstandard 0.25.0: 3, its stream_reader: 6
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

install_python httpx[zstd]==0.28.1 requests==2.34.2 urllib3[zstd]==2.5.0 aiohttp==3.14.5 zstandard==0.25.0 \
    backports.zstd==1.7.0
install_node fflate@0.8.3 pako@3.0.3

cat > ask.py <<'PYTHON'
import asyncio
import gzip
import http.server
import subprocess
import threading

import aiohttp
import httpx
import requests
import zstandard

HALVES = [b"".join(b'{"id":%d}\n' % n for n in half) for half in [(1, 2, 3), (4, 5, 6)]]
PACKED = {
    "gzip": b"".join(gzip.compress(half) for half in HALVES),
    "zstd": b"".join(zstandard.ZstdCompressor().compress(half) for half in HALVES),
}


class Packed(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-encoding", self.path[1:])
        self.send_header("content-length", str(len(PACKED[self.path[1:]])))
        self.end_headers()
        self.wfile.write(PACKED[self.path[1:]])

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Packed)
threading.Thread(target=server.serve_forever, daemon=True).start()


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return await answer.read()


for name in PACKED:
    url = f"http://127.0.0.1:{server.server_port}/{name}"
    print(name, "httpx:", httpx.get(url).content.count(b"\n"))
    print(name, "requests:", requests.get(url).content.count(b"\n"))
    print(name, "aiohttp:", asyncio.run(by_aiohttp(url)).count(b"\n"))
one = zstandard.ZstdDecompressor()
print("zstandard decompress:", one.decompress(PACKED["zstd"]).count(b"\n"))
print("zstandard stream_reader:", one.stream_reader(PACKED["zstd"]).read().count(b"\n"))
open("records.ndjson.gz", "wb").write(PACKED["gzip"])
subprocess.run(["node", "ask.mjs", f"http://127.0.0.1:{server.server_port}/gzip"], check=True)
PYTHON
cat > ask.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { gunzipSync as byNode } from "node:zlib";
import { Gunzip, gunzipSync } from "fflate";
import { ungzip } from "pako";

const packed = readFileSync("records.ndjson.gz");
const tell = (who, bytes) => console.log(`${who}: ${Buffer.from(bytes).toString().split("\n").length - 1}`);
tell("fetch", await (await fetch(process.argv[2])).arrayBuffer());
tell("fflate gunzipSync", gunzipSync(packed));
const pieces = [];
new Gunzip((piece) => pieces.push(piece)).push(packed, true);
tell("fflate stream", Buffer.concat(pieces));
tell("pako", ungzip(packed));
tell("node:zlib", byNode(packed));
JAVASCRIPT
python/bin/python ask.py | tee seen

diff - seen <<'EXPECTED' && echo "as found"
gzip httpx: 3
gzip requests: 6
gzip aiohttp: 6
zstd httpx: 6
zstd requests: 6
zstd aiohttp: 6
zstandard decompress: 3
zstandard stream_reader: 6
fetch: 6
fflate gunzipSync: 3
fflate stream: 6
pako: 6
node:zlib: 6
EXPECTED
