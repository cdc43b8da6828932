#!/usr/bin/env bash
# One URL, http://127.0.0.1:PORT/records/c/%2E%2E, asked by HTTP clients of Python and Node.js.
# RFC 3986 (6.2.2.2, 6.2.2.3) lets a client decode unreserved characters and then remove dot
# segments; a client may as well send what it was given. Seen, in November 2026:
#
#   sent as given, /records/c/%2E%2E   httpx 0.28.1, urllib3 2.5.0, curl
#   decoded,       /records/c/..       requests 2.32.5, although urllib3 lies below it
#   resolved,      /records/           aiohttp 3.13.2, undici 7.16.0, axios 1.13.2, got 14.6.5
#
# So a server that decodes after it has split a path sees the segment `..` from some clients, must
# refuse it or resolve it for others, and never hears of it from the rest.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install \
    httpx==0.28.1 requests==2.32.5 urllib3==2.5.0 aiohttp==3.13.2
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund undici@7.16.0 axios@1.13.2 got@14.6.5

# Answers with the path as it came.
cat > echo.py <<'PYTHON'
import http.server

class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
mkfifo port
python/bin/python echo.py > port &
server=$!
read -r port < port
url="http://127.0.0.1:$port/records/c/%2E%2E"
echo "target: $url"

cat > clients.py <<'PYTHON'
import asyncio, sys
import aiohttp, httpx, requests, urllib3

url = sys.argv[1]
print("httpx", httpx.get(url).text)
print("urllib3", urllib3.request("GET", url).data.decode())
print("requests", requests.get(url).text)

async def ask():
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        print("aiohttp", await answer.text())

asyncio.run(ask())
PYTHON
cat > clients.mjs <<'JAVASCRIPT'
import { request } from "undici";
import axios from "axios";
import got from "got";

const url = process.argv[2];
console.log("undici", await (await request(url)).body.text());
console.log("axios", (await axios.get(url)).data);
console.log("got", await got(url).text());
JAVASCRIPT
{
    python/bin/python clients.py "$url"
    node clients.mjs "$url"
    echo "curl $(curl --silent "$url")"
} | tee seen

diff - seen <<'EXPECTED' && echo "as found"
httpx /records/c/%2E%2E
urllib3 /records/c/%2E%2E
requests /records/c/..
aiohttp /records/
undici /records/
axios /records/
got /records/
curl /records/c/%2E%2E
EXPECTED
