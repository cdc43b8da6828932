#!/usr/bin/env bash
# A server shows a certificate that was made as manuals have it (PostgreSQL 18, 18.9.5: `openssl req
# -new -x509 -days 365 -nodes`), and its clients are told to trust this very certificate. OpenSSL 3
# makes it one of an authority (basicConstraints CA:TRUE) unless told otherwise. Seen, in December 2026:
#
#   accepted  curl, Python's ssl and Node.js, all over OpenSSL; psql 15 too
#   refused   uv 0.9.7, over rustls and webpki: CaUsedAsEndEntity
#
# With `-addext basicConstraints=critical,CA:FALSE` all four accept it. So a client in Rust refuses a
# database that psql reaches with sslmode=verify-full and the same file.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install uv==0.9.7
openssl version

cat > server.py <<'PYTHON'
import http.server, ssl, sys

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], "key.pem")

class Index(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
cat > client.py <<'PYTHON'
import ssl, sys, urllib.error, urllib.request

try:
    urllib.request.urlopen(sys.argv[1], context=ssl.create_default_context(cafile=sys.argv[2]))
except urllib.error.HTTPError as answered:
    print("python answered", answered.code)
PYTHON
cat > client.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { get } from "node:https";

const [url, file] = process.argv.slice(2);
const told = (what) => console.log("node", what);
get(url, { ca: readFileSync(file) }, (answer) => told(`answered ${answer.statusCode}`)).on("error", told);
JAVASCRIPT

mkfifo port
# Asks a server that shows a certificate, by clients that trust this one.
ask() {
    local certificate=$1 port url
    python/bin/python server.py "$certificate" > port &
    server=$!
    read -r port < port
    url="https://localhost:$port/simple/none/"
    curl --silent --output /dev/null --write-out 'curl answered %{http_code}\n' --cacert "$certificate" "$url"
    python/bin/python client.py "$url" "$certificate"
    node client.mjs "$url" "$certificate"
    # That there is no such package is an answer.
    env SSL_CERT_FILE="$folder/$certificate" python/bin/uv pip install --no-cache --no-config \
        --python python/bin/python --index-url "https://localhost:$port/simple" none > uv.log 2>&1 || true
    if grep --quiet CaUsedAsEndEntity uv.log; then
        echo "uv refused: CaUsedAsEndEntity"
    elif grep --quiet "not found in the package registry" uv.log; then
        echo "uv answered 404"
    else
        cat uv.log
    fi
    kill "$server"
}

make() {
    openssl req -new -x509 -days 365 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
        -keyout key.pem "$@" 2>/dev/null
}
{
    make -out authority.pem
    openssl x509 -in authority.pem -noout -ext basicConstraints | tail -1 | tr -d ' '
    ask authority.pem
    make -addext basicConstraints=critical,CA:FALSE -out server.pem
    openssl x509 -in server.pem -noout -ext basicConstraints | tail -1 | tr -d ' '
    ask server.pem
} | tee seen

diff - seen <<'EXPECTED' && echo "as found"
CA:TRUE
curl answered 404
python answered 404
node answered 404
uv refused: CaUsedAsEndEntity
CA:FALSE
curl answered 404
python answered 404
node answered 404
uv answered 404
EXPECTED
