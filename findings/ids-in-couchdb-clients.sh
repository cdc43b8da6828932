#!/usr/bin/env bash
# Ids that CouchDB allows, asked for with seven clients for it, and the path that a server gets. In it `/db/a/b` is the
# attachment b of the document a, `/db/a?…` the document a, and only %2F, %25, %3F and %23 are part of an id. Seen, in
# December 2026:
#
#   pycouchdb 1.17.1, couchdb3 3.5.0
#       the id goes into the URL as it is, read and written. So a/b is an attachment, 5%2F6 is the document 5/6, and a?b and
#       a#b are the document a
#   CouchDB 1.2, ibmcloudant 0.11.12, aiocouch 4.0.1, nano 11.0.7, pouchdb-adapter-http 9.0.0
#       escape them
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

install_python pycouchdb==1.17.1 couchdb3==3.5.0 CouchDB==1.2 ibmcloudant==0.11.12 aiocouch==4.0.1
install_node nano@11.0.7 pouchdb-core@9.0.0 pouchdb-adapter-http@9.0.0

cat > ask.mjs <<'JAVASCRIPT'
import nano from "nano";
import PouchDB from "pouchdb-core";
import http from "pouchdb-adapter-http";

const [url, client, id] = process.argv.slice(2);
PouchDB.plugin(http);
const db = client === "nano" ? nano(url).use("db") : new PouchDB(`${url}/db`, { skip_setup: true });
await db.get(id);
JAVASCRIPT
cat > ask.py <<'PYTHON'
import asyncio
import http.server
import subprocess
import threading

import aiocouch
import couchdb
import couchdb3
import pycouchdb
from ibm_cloud_sdk_core.authenticators import NoAuthAuthenticator
from ibmcloudant.cloudant_v1 import CloudantV1

IDS = ["a/b", "5%2F6", "a?b", "a#b"]
ANSWER = b'{"_id":"x","id":"x","_rev":"1-a","rev":"1-a","ok":true,"db_name":"db","couchdb":"Welcome","version":"3.5.0"}'
asked = []


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        asked.append(f"{self.command} {self.path}")
        self.send_response(200 if self.command in ("GET", "HEAD") else 201)
        self.send_header("content-type", "application/json")
        self.send_header("etag", '"1-a"')
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(ANSWER)

    do_HEAD = do_PUT = do_POST = do_GET

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
cloudant = CloudantV1(authenticator=NoAuthAuthenticator())
cloudant.set_service_url(url)


async def by_aiocouch(id):
    async with aiocouch.CouchDB(url) as client:
        await (await client["db"])[id]


def in_node(client):
    return lambda id: subprocess.run(["node", "ask.mjs", url, client, id], check=True)


pages = pycouchdb.Server(f"{url}/", authmethod="basic").database("db")
third = couchdb3.Server(url).get("db")
old = couchdb.Server(f"{url}/")["db"]
CLIENTS = {
    "pycouchdb": pages.get,
    "pycouchdb save": lambda id: pages.save({"_id": id}),
    "couchdb3": third.get,
    "couchdb3 save": lambda id: third.save({"_id": id}),
    "CouchDB": old.get,
    "ibmcloudant": lambda id: cloudant.get_document("db", id),
    "aiocouch": lambda id: asyncio.run(by_aiocouch(id)),
    "nano": in_node("nano"),
    "pouchdb": in_node("pouchdb"),
}
for id in IDS:
    print(id)
    seen = {}
    for name, ask in CLIENTS.items():
        ask(id)
        seen.setdefault(asked[-1], []).append(name)
    for request, names in seen.items():
        print(f"    {request}: {', '.join(names)}")
PYTHON
python/bin/python -W ignore ask.py > seen
cat seen

diff - seen <<'EXPECTED' && echo "as found"
a/b
    GET /db/a/b: pycouchdb, couchdb3
    PUT /db/a/b: pycouchdb save, couchdb3 save
    GET /db/a%2Fb: CouchDB, ibmcloudant, aiocouch, nano, pouchdb
5%2F6
    GET /db/5%2F6: pycouchdb, couchdb3
    PUT /db/5%2F6: pycouchdb save, couchdb3 save
    GET /db/5%252F6: CouchDB, ibmcloudant, aiocouch, nano, pouchdb
a?b
    GET /db/a?b: pycouchdb, couchdb3
    PUT /db/a?b: pycouchdb save, couchdb3 save
    GET /db/a%3Fb: CouchDB, ibmcloudant, aiocouch, nano, pouchdb
a#b
    GET /db/a: pycouchdb, couchdb3
    PUT /db/a: pycouchdb save, couchdb3 save
    GET /db/a%23b: CouchDB, ibmcloudant, aiocouch, nano, pouchdb
EXPECTED
