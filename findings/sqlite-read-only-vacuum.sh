#!/usr/bin/env bash
# A connection of SQLite that is opened to be read, and VACUUM INTO. Seen, in December 2026:
#
#   apsw 3.54.1.0 (SQLite 3.54.1)   SQLITE_OPEN_READONLY refuses an INSERT, and VACUUM INTO 'x.db' writes a whole copy of
#                                   the database beside it. PRAGMA query_only refuses that with "attempt to write a
#                                   readonly database", after it has made x.db, which stays, with 0 bytes. ATTACH of a
#                                   file that is not there makes none
#
# So whoever lets people type statements keeps neither flag nor pragma from making files: it takes an authorizer (VACUUM
# INTO attaches its target), or sqlite3_stmt_readonly before the first step.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install apsw==3.54.1.0

cat > read_only.py <<'PYTHON'
import os

import apsw

made = apsw.Connection("data.db")
made.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
made.close()


def attempt(name, statement, pragma=None):
    db = apsw.Connection("data.db", flags=apsw.SQLITE_OPEN_READONLY)
    if pragma:
        db.execute(pragma)
    try:
        db.execute(statement)
        told = "done"
    except apsw.Error as error:
        told = str(error)
    db.close()
    size = os.path.getsize("x.db") if os.path.exists("x.db") else None
    if size is not None:
        os.remove("x.db")
    print(f"{name}: {told}; x.db: {size}")


print("SQLite", apsw.sqlite_lib_version())
attempt("insert", "INSERT INTO t VALUES (2)")
attempt("vacuum", "VACUUM INTO 'x.db'")
attempt("vacuum, query_only", "VACUUM INTO 'x.db'", "PRAGMA query_only = on")
attempt("attach", "ATTACH 'x.db' AS other")
PYTHON

python/bin/python read_only.py | tee seen.txt
diff seen.txt - <<'SEEN'
SQLite 3.54.1
insert: attempt to write a readonly database; x.db: None
vacuum: done; x.db: 8192
vacuum, query_only: attempt to write a readonly database; x.db: 0
attach: unable to open database: x.db; x.db: None
SEEN
echo "as seen"
