#!/usr/bin/env bash
# One database URL, given to four drivers for PostgreSQL; the server is 18.6 and has no TLS. What each reaches by it, seen in
# December 2026 (psycopg 3.3.9, asyncpg 0.32.0, node-postgres 8.23.1, postgres.js 3.4.9):
#
#   ?search_path=app   a setting to asyncpg and postgres.js, an error to psycopg; node-postgres ignores it without a word,
#                      and works on other tables than its neighbours
#   ?schema=app        of Prisma and others: an error to three, ignored by node-postgres
#   ?options=-c+…      a plus to psycopg, which the server refuses, a blank to the others
#   ?connect_timeout=5, ?keepalives=1
#                      asyncpg sends both to the server as settings, postgres.js the second; the server refuses them
#   ?dbname=other      psycopg opens the database other, asyncpg and node-postgres the one of the path
#   /my%20db           postgres.js asks for a database of the name my%20db
#   ann@/db?host=…     no URL to postgres.js
#   ?sslmode=prefer    TLS is a must to node-postgres, which warns that this will change
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

start_postgres
install_python psycopg[binary]==3.3.9 asyncpg==0.32.0
install_node pg@8.23.1 postgres@3.4.9

for statement in 'CREATE ROLE ann LOGIN' 'CREATE DATABASE "my db"' 'CREATE DATABASE other'; do
    "$programs/psql" -q -h 127.0.0.1 -U postgres -c "$statement"
done
at=postgresql://ann:x@127.0.0.1:$PGPORT
cat > urls <<URLS
$at/postgres
$at/postgres?search_path=app
$at/postgres?options=-c%20search_path%3Dapp
$at/postgres?options=-c+search_path%3Dapp
$at/postgres?schema=app
$at/postgres?connect_timeout=5
$at/postgres?keepalives=1
$at/postgres?dbname=other
$at/my%20db
postgresql://ann@/postgres?host=127.0.0.1&port=$PGPORT
$at/postgres?sslmode=prefer
URLS
cat > question <<'SQL'
SELECT current_database() || CASE WHEN current_setting('search_path') = 'app' THEN ' app' ELSE '' END AS found
SQL

cat > ask.py <<'PYTHON'
import asyncio
import json
import os

import asyncpg
import psycopg

QUESTION = open("question").read()


def by_psycopg(url):
    with psycopg.connect(url) as c:
        return c.execute(QUESTION).fetchone()[0]


async def by_asyncpg(url):
    c = await asyncpg.connect(url)
    found = await c.fetchval(QUESTION)
    await c.close()
    return found


def tried(work):
    try:
        return work()
    except Exception:
        return "refused"


print("psycopg | asyncpg | node-postgres | postgres.js")
for url, found in json.load(open("found.json")):
    found = [tried(lambda: by_psycopg(url)), tried(lambda: asyncio.run(by_asyncpg(url))), *found]
    print(url.replace(os.environ["PORT"], "PORT").replace("postgresql://ann:x@127.0.0.1:PORT", ""), end=": ")
    print(*found, sep=" | ")
PYTHON
cat > ask.mjs <<'JAVASCRIPT'
import { readFileSync, writeFileSync } from "node:fs";
import pg from "pg";
import postgres from "postgres";

const question = readFileSync("question", "utf8");
const tried = (work) => work().catch(() => "refused");
const found = [];
for (const url of readFileSync("urls", "utf8").trim().split("\n")) {
  const byPg = await tried(async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(question);
    await client.end();
    return rows[0].found;
  });
  const byPostgresJs = await tried(async () => {
    const sql = postgres(url, { max: 1, connect_timeout: 5 });
    return (await sql.unsafe(question))[0].found;
  });
  found.push([url, [byPg, byPostgresJs]]);
}
writeFileSync("found.json", JSON.stringify(found));
process.exit();
JAVASCRIPT
# Drivers take what a URL lacks from the environment.
export -n PGPORT
node --no-warnings ask.mjs
PORT=$PGPORT python/bin/python ask.py | tee seen

diff - seen <<'EXPECTED' && echo "as found"
psycopg | asyncpg | node-postgres | postgres.js
/postgres: postgres | postgres | postgres | postgres
/postgres?search_path=app: refused | postgres app | postgres | postgres app
/postgres?options=-c%20search_path%3Dapp: postgres app | postgres app | postgres app | postgres app
/postgres?options=-c+search_path%3Dapp: refused | postgres app | postgres app | postgres app
/postgres?schema=app: refused | refused | postgres | refused
/postgres?connect_timeout=5: postgres | refused | postgres | postgres
/postgres?keepalives=1: postgres | refused | postgres | refused
/postgres?dbname=other: other | postgres | postgres | refused
/my%20db: my db | my db | my db | refused
postgresql://ann@/postgres?host=127.0.0.1&port=PORT: postgres | postgres | postgres | refused
/postgres?sslmode=prefer: postgres | postgres | refused | postgres
EXPECTED
