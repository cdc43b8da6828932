#!/usr/bin/env bash
# CSV as COPY of PostgreSQL 18.6 writes it, where NULL is nothing and an empty text is "", read by four libraries with their
# defaults. Seen, in December 2026:
#
#   Polars 2.1.0                     keeps the difference
#   pandas 3.1.1, DuckDB 1.4.4       both are null
#   pyarrow 26.0.1                   both are an empty text
#   a table of one column            a row of NULL is an empty line: pandas and pyarrow leave the row out, so three of four rows
#                                    arrive
#   boolean, which is t and f        a boolean to DuckDB alone; but so is a text column of "t" and "true"
#   a text 01/02/2026                a date to DuckDB alone, the first of February
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

start_postgres
install_python psycopg[binary]==3.3.9 pandas==3.1.1 polars==2.1.0 duckdb==1.4.4 pyarrow==26.0.1

cat > read.py <<'PYTHON'
import os

import duckdb
import pandas
import polars
import psycopg
from pyarrow import csv

TABLES = {
    "NULL and an empty text": "VALUES (1, NULL, ''), (2, 'a', 'b')",
    "one column": "VALUES ('a'), (NULL), (''), ('b')",
    "boolean": "VALUES (true), (false)",
    "text of true and t": "VALUES ('true'), ('t')",
    "text of 01/02/2026": "VALUES ('01/02/2026'), ('11/12/2026')",
}
READERS = {
    "pandas": lambda: [tuple(None if pandas.isna(v) else v for v in row) for row in pandas.read_csv("t.csv").values],
    "Polars": lambda: polars.read_csv("t.csv").rows(),
    "DuckDB": lambda: duckdb.read_csv("t.csv").fetchall(),
    "pyarrow": lambda: [tuple(row.values()) for row in csv.read_csv("t.csv").to_pylist()],
}
with psycopg.connect(f"host=127.0.0.1 port={os.environ['PGPORT']} user=postgres") as pg:
    for name, values in TABLES.items():
        with pg.cursor().copy(f"COPY ({values}) TO STDOUT (FORMAT csv, HEADER)") as copy:
            text = b"".join(copy)
        open("t.csv", "wb").write(text)
        print(name, text.decode().split("\n", 1)[1].encode())
        for reader, read in READERS.items():
            rows = [tuple(str(v) if hasattr(v, "year") else v for v in row) for row in read()]
            print(f"    {reader}: {rows}")
PYTHON
python/bin/python read.py > seen
cat seen

diff - seen <<'EXPECTED' && echo "as found"
NULL and an empty text b'1,,""\n2,a,b\n'
    pandas: [(1, None, None), (2, 'a', 'b')]
    Polars: [(1, None, ''), (2, 'a', 'b')]
    DuckDB: [(1, None, None), (2, 'a', 'b')]
    pyarrow: [(1, '', ''), (2, 'a', 'b')]
one column b'a\n\n""\nb\n'
    pandas: [('a',), (None,), ('b',)]
    Polars: [('a',), (None,), ('',), ('b',)]
    DuckDB: [('a',), (None,), (None,), ('b',)]
    pyarrow: [('a',), ('',), ('b',)]
boolean b't\nf\n'
    pandas: [('t',), ('f',)]
    Polars: [('t',), ('f',)]
    DuckDB: [(True,), (False,)]
    pyarrow: [('t',), ('f',)]
text of true and t b'true\nt\n'
    pandas: [('true',), ('t',)]
    Polars: [('true',), ('t',)]
    DuckDB: [(True,), (True,)]
    pyarrow: [('true',), ('t',)]
text of 01/02/2026 b'01/02/2026\n11/12/2026\n'
    pandas: [('01/02/2026',), ('11/12/2026',)]
    Polars: [('01/02/2026',), ('11/12/2026',)]
    DuckDB: [('2026-02-01',), ('2026-12-11',)]
    pyarrow: [('01/02/2026',), ('11/12/2026',)]
EXPECTED
