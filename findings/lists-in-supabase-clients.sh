#!/usr/bin/env bash
# "Rows whose column tags, a text[], contains these", asked with the clients of Supabase for JavaScript (@supabase/postgrest-js
# 2.109.0) and for Python (postgrest 2.34.1). What each sends, and what PostgreSQL 18.6 takes it for, seen in December 2026:
#
#   ["a,b"]    Python asks for the one tag "a,b", JavaScript for two tags, a and b
#   [""]       Python asks for the empty tag, JavaScript for none: every row meets that
#   ["null"]   Python asks for the tag "null", JavaScript for NULL, which no row contains
#   ["{x}"]    Python asks for it, JavaScript for the tag x
#
# In lists of in(...) both put such values in quotes.
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

start_postgres
install_python psycopg[binary]==3.3.9 postgrest==2.34.1
install_node @supabase/postgrest-js@2.109.0

cat > ask.mjs <<'JAVASCRIPT'
import { PostgrestClient } from "@supabase/postgrest-js";

const client = new PostgrestClient(process.argv[2]);
for (const tag of JSON.parse(process.argv[3])) await client.from("items").select("*").contains("tags", [tag]);
JAVASCRIPT
cat > ask.py <<'PYTHON'
import http.server
import json
import os
import subprocess
import threading
from urllib.parse import parse_qs, urlsplit

import psycopg
from postgrest import SyncPostgrestClient

TAGS = ["a", "a,b", "", "null", "{x}"]
sent = []


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sent.extend(parse_qs(urlsplit(self.path).query)["tags"])
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
client = SyncPostgrestClient(url)
for tag in TAGS:
    client.from_("items").select("*").contains("tags", [tag]).execute()
subprocess.run(["node", "ask.mjs", url, json.dumps(TAGS)], check=True)

with psycopg.connect(f"host=127.0.0.1 port={os.environ['PGPORT']} user=postgres", autocommit=True) as pg:
    for tag, python, javascript in zip(TAGS, sent[: len(TAGS)], sent[len(TAGS) :]):
        print(json.dumps([tag]))
        for name, condition in [("Python", python), ("JavaScript", javascript)]:
            try:
                taken = pg.execute("SELECT %s::text[]", (condition.removeprefix("cs."),)).fetchone()[0]
            except psycopg.Error:
                taken = "refused"
            print(f"    {name} sends {condition}, taken for {taken}")
PYTHON
python/bin/python ask.py > seen
cat seen

diff - seen <<'EXPECTED' && echo "as found"
["a"]
    Python sends cs.{a}, taken for ['a']
    JavaScript sends cs.{a}, taken for ['a']
["a,b"]
    Python sends cs.{"a,b"}, taken for ['a,b']
    JavaScript sends cs.{a,b}, taken for ['a', 'b']
[""]
    Python sends cs.{""}, taken for ['']
    JavaScript sends cs.{}, taken for []
["null"]
    Python sends cs.{"null"}, taken for ['null']
    JavaScript sends cs.{null}, taken for [None]
["{x}"]
    Python sends cs.{"{x}"}, taken for ['{x}']
    JavaScript sends cs.{{x}}, taken for [['x']]
EXPECTED
