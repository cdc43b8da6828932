#!/usr/bin/env bash
# A table of PostgreSQL 18.6, written to Parquet by three programs that are made for it, and read with pyarrow. Seen, in
# December 2026 (DuckDB 1.4.4 with its extension postgres, Polars 2.1.0 with connectorx 0.4.6, the ADBC driver 1.13.0), where
# a program wrote a value that is not the one of the table, without a word:
#
#   numeric NaN and Infinity      DuckDB: 0.0
#   numeric of 29 digits          DuckDB: a double (not if the column says numeric(30, 9)); connectorx refuses it
#   numeric 1.123456789012        connectorx: 10 digits behind the point
#   timestamptz infinity          ADBC: a moment some 290,000 years before Christ, so "never expires" has expired long ago;
#                                 connectorx: one in the year 262143; DuckDB: one in the year 294247
#   int[] {{1,2},{3,4}}           ADBC: [1, 2, 3, 4]; the others refuse it
#   time 24:00                    all three: 00:00
#   money $1.50                   ADBC: the integer 150
#   json with 23 digits           connectorx: 17 digits, and the names sorted; as text all three have it as it is
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

start_postgres
install_python psycopg[binary]==3.3.9 duckdb==1.4.4 duckdb-ext==0.1.2 duckdb-ext-postgres==1.4.4.20260205 \
    polars==2.1.0 connectorx==0.4.6 adbc-driver-postgresql==1.13.0 pyarrow==26.0.1

cat > move.py <<'PYTHON'
import os

import adbc_driver_postgresql.dbapi
import duckdb
import duckdb_ext
import polars
import psycopg
import pyarrow
from pyarrow import parquet

URL = f"postgresql://postgres@127.0.0.1:{os.environ['PGPORT']}/postgres"
VALUES = [
    ("numeric", "NaN"),
    ("numeric", "Infinity"),
    ("numeric", "12345678901234567890.123456789"),
    ("numeric(30,9)", "12345678901234567890.123456789"),
    ("numeric", "1.123456789012"),
    ("timestamptz", "infinity"),
    ("int[]", "{{1,2},{3,4}}"),
    ("time", "24:00"),
    ("money", "1.50"),
    ("json", '{"b":1.50,"a":12345678901234567890123}'),
    ("text", '{"b":1.50,"a":12345678901234567890123}'),
]
duck = duckdb.connect(config={"extension_directory": str(duckdb_ext.get_extension_dir())})
duck.execute("LOAD postgres")
duck.execute(f"ATTACH '{URL}' AS pg (TYPE postgres, READ_ONLY)")


def by_duckdb():
    duck.execute("CALL pg_clear_cache()")
    duck.execute("COPY (SELECT v FROM pg.public.t) TO 'out.parquet'")


def by_connectorx():
    polars.read_database_uri("SELECT v FROM t", URL, engine="connectorx").write_parquet("out.parquet")


def by_adbc():
    with adbc_driver_postgresql.dbapi.connect(URL) as c, c.cursor() as cursor:
        cursor.execute("SELECT v FROM t")
        parquet.write_table(cursor.fetch_arrow_table(), "out.parquet")


def read():
    (column,) = parquet.read_table("out.parquet").columns
    if pyarrow.types.is_timestamp(column.type):  # what Python cannot hold
        year = 1970 + column.cast(pyarrow.int64()).to_pylist()[0] / 1e6 / 86400 / 365.2425
        return f"a moment of the year {year:.0f}"
    return f"{type(column.to_pylist()[0]).__name__} {column.to_pylist()[0]}"


print("DuckDB | connectorx | ADBC")
with psycopg.connect(URL, autocommit=True) as pg:
    for kind, value in VALUES:
        pg.execute("DROP TABLE IF EXISTS t")
        pg.execute(f"CREATE TABLE t (v {kind})")
        pg.execute(f"INSERT INTO t VALUES ('{value}')")
        found = []
        for move in [by_duckdb, by_connectorx, by_adbc]:
            try:
                move()
                found.append(read())
            except BaseException:  # connectorx raises what is no Exception
                found.append("refused")
        print(f"{kind} {value}: {' | '.join(found)}")
PYTHON
RUST_BACKTRACE=0 python/bin/python move.py 2>errors > seen
cat seen

diff - seen <<'EXPECTED' && echo "as found"
DuckDB | connectorx | ADBC
numeric NaN: float 0.0 | refused | str nan
numeric Infinity: float 0.0 | refused | str inf
numeric 12345678901234567890.123456789: float 1.234567890123457e+19 | refused | str 12345678901234567890.123456789
numeric(30,9) 12345678901234567890.123456789: Decimal 12345678901234567890.123456789 | refused | str 12345678901234567890.123456789
numeric 1.123456789012: float 1.123456789012 | Decimal 1.1234567890 | str 1.123456789012
timestamptz infinity: a moment of the year 294247 | a moment of the year 262143 | a moment of the year -290277
int[] {{1,2},{3,4}}: refused | refused | list [1, 2, 3, 4]
time 24:00: time 00:00:00 | time 00:00:00 | time 00:00:00
money 1.50: str $1.50 | refused | int 150
json {"b":1.50,"a":12345678901234567890123}: str {"b":1.50,"a":12345678901234567890123} | str {"a":1.2345678901234568e22,"b":1.5} | str {"b":1.50,"a":12345678901234567890123}
text {"b":1.50,"a":12345678901234567890123}: str {"b":1.50,"a":12345678901234567890123} | str {"b":1.50,"a":12345678901234567890123} | str {"b":1.50,"a":12345678901234567890123}
EXPECTED
