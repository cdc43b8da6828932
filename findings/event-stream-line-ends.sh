#!/usr/bin/env bash
# HTML standard, 9.2.5: a line of an event stream ends with CR LF, with LF or with CR, and how a stream is cut on its
# way means nothing. The same event, asked by clients of Python and Node.js. Seen, in November 2026:
#
#   LF                         all: the event
#   CR LF, cut between them    requests-sse 0.5.3 takes each line for an event: the data comes without its name and its id
#   CR, then nothing more      httpx-sse 0.4.3 and eventsource 4.1.0 wait for one more byte before they deliver it;
#                              sseclient-py 1.9.0, requests-sse 0.5.3 and eventsource 5.1.5 deliver it at once
#
# So a server ends lines with LF alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install \
    httpx==0.28.1 httpx-sse==0.4.3 requests==2.34.2 requests-sse==0.5.3 sseclient-py==1.9.0
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund eventsource-4@npm:eventsource@4.1.0 eventsource-5@npm:eventsource@5.1.5

# One event, in the line ends of the path, then three seconds of nothing, then another one.
cat > server.py <<'PYTHON'
import http.server
import time

class Streams(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        end = {"/lf": "\n", "/crlf": "\r\n", "/cr": "\r"}[self.path]
        try:
            self.send(f"event: first{end}data: 1{end}id: a{end}{end}")
            time.sleep(3)
            self.send(f"event: last{end}data: 2{end}id: b{end}{end}")
            self.send(f": end{end}")
            time.sleep(3)
        except OSError:
            pass

    def send(self, text):
        # A cut behind every CR.
        for piece in text.replace("\r", "\r|").split("|"):
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece.encode()))
                self.wfile.flush()
                time.sleep(0.02)

    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Streams)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
mkfifo port
python/bin/python server.py > port &
server=$!
read -r port < port
url="http://127.0.0.1:$port"

cat > clients.py <<'PYTHON'
import sys
import time
import httpx, requests, requests_sse, sseclient
from httpx_sse import connect_sse

def with_httpx_sse(url):
    with httpx.Client(timeout=10) as client, connect_sse(client, "GET", url) as source:
        for event in source.iter_sse():
            yield event.event, event.data, event.id

def with_sseclient(url):
    for event in sseclient.SSEClient(requests.get(url, stream=True, timeout=10)).events():
        yield event.event, event.data, event.id

def with_requests_sse(url):
    with requests_sse.EventSource(url, timeout=10) as source:
        for event in source:
            yield event.type, event.data, event.last_event_id

for path in ["/lf", "/crlf", "/cr"]:
    for listen in [with_httpx_sse, with_sseclient, with_requests_sse]:
        began = time.monotonic()
        name, data, place = next(listen(sys.argv[1] + path))
        when = "at once" if time.monotonic() - began < 2 else "late"
        print(path, listen.__name__[5:], name, data, place or "-", when, flush=True)
PYTHON
cat > clients.mjs <<'JAVASCRIPT'
const url = process.argv[2];
for (const path of ["/lf", "/crlf", "/cr"]) {
  for (const name of ["eventsource-4", "eventsource-5"]) {
    const { EventSource } = await import(name);
    const began = Date.now();
    const event = await new Promise((resolve) => {
      const source = new EventSource(url + path);
      for (const type of ["first", "last", "message"]) {
        source.addEventListener(type, (event) => {
          source.close();
          resolve(event);
        });
      }
    });
    const when = Date.now() - began < 2000 ? "at once" : "late";
    console.log(path, name, event.type, event.data, event.lastEventId || "-", when);
  }
}
JAVASCRIPT
{
    timeout 60 python/bin/python clients.py "$url"
    timeout 60 node clients.mjs "$url"
} | tee seen

diff - seen <<'EXPECTED' && echo "as found"
/lf httpx_sse first 1 a at once
/lf sseclient first 1 a at once
/lf requests_sse first 1 a at once
/crlf httpx_sse first 1 a at once
/crlf sseclient first 1 a at once
/crlf requests_sse message 1 - at once
/cr httpx_sse first 1 a late
/cr sseclient first 1 a at once
/cr requests_sse first 1 a at once
/lf eventsource-4 first 1 a at once
/lf eventsource-5 first 1 a at once
/crlf eventsource-4 first 1 a at once
/crlf eventsource-5 first 1 a at once
/cr eventsource-4 first 1 a late
/cr eventsource-5 first 1 a at once
EXPECTED
