#!/usr/bin/env bash
# Views of an SQLite file, read by DuckDB. Its extension `sqlite` reads tables of a file; one would
# guess that a view is computed by SQLite, as its text is SQL of SQLite. Seen, in November 2026, with
# DuckDB 1.4.4 and its own extension:
#
#   the text of a view is parsed by DuckDB and written anew before SQLite sees it: a hexadecimal
#   number (0xFF) is a syntax error to DuckDB, and a UNION ALL with a function of SQLite's alone gets
#   brackets that are a syntax error to SQLite
#   one such view makes SHOW ALL TABLES fail for the whole file, its tables included
#   sqlite_query(), which names the attached file, lets SQLite compute any view, with its indexes
#
# The same file is read whole by the sqlite3 of Python.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install \
    duckdb==1.4.4 duckdb-ext==0.1.2 duckdb-ext-sqlite==1.4.4.20260205

cat > ask.py <<'PYTHON'
import sqlite3

import duckdb
import duckdb_ext

VIEWS = {
    "hexadecimal": "CREATE VIEW seen AS SELECT key & 0xFF AS low FROM records",
    "union": "CREATE VIEW seen AS SELECT strftime('%Y', key, 'unixepoch') AS year FROM records"
    " UNION ALL SELECT 'later' FROM records",
    "plain": "CREATE VIEW seen AS SELECT key & 255 AS low FROM records",
}
for name, view in VIEWS.items():
    path = f"{name}.db"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE records (key INTEGER PRIMARY KEY)")
        file.execute("INSERT INTO records VALUES (257)")
        file.execute(view)
        read = file.execute("SELECT * FROM seen").fetchall()
    duck = duckdb.connect(config={"extension_directory": str(duckdb_ext.get_extension_dir())})
    duck.execute("LOAD sqlite")
    duck.execute(f"ATTACH '{path}' AS file (TYPE sqlite, READ_ONLY)")

    def ask(question):
        try:
            return duck.execute(question).fetchall()
        except duckdb.Error as error:
            return type(error).__name__

    tables = ask("SELECT count(*) FROM (SHOW ALL TABLES)")
    by_sqlite = ask("SELECT * FROM sqlite_query('file', 'SELECT * FROM seen')")
    print(name, "sqlite3:", read, "duckdb:", ask("SELECT * FROM file.seen"), "tables:", tables)
    print(name, "sqlite_query:", by_sqlite)
PYTHON

python/bin/python ask.py | tee seen
cat > expected <<'TEXT'
hexadecimal sqlite3: [(1,)] duckdb: ParserException tables: ParserException
hexadecimal sqlite_query: [('1',)]
union sqlite3: [('1970',), ('later',)] duckdb: Error tables: Error
union sqlite_query: [('1970',), ('later',)]
plain sqlite3: [(1,)] duckdb: [(1,)] tables: [(1,)]
plain sqlite_query: [('1',)]
TEXT
diff expected seen
