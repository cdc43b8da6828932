#!/usr/bin/env bash
# Lines of JSON, which has strings, numbers and objects, read by four libraries with their defaults: what becomes of texts, of
# large numbers and of names. Seen, in December 2026:
#
#   texts "007" and "1e5", as ids are    pandas 3.1.1: the numbers 7.0 and 100000.0
#   texts of days                        pyarrow 26.0.1 and DuckDB 1.4.4: no texts any more; with +02:00 behind, pyarrow: the
#                                        moment in UTC, without a zone
#   an integer of 20 digits              pyarrow: a double. DuckDB refuses the file, but takes 30 digits, as a double; Polars
#                                        2.1.0 has both exact; pandas has 20 exact and refuses 30
#   9007199254740993 and null            pandas: 9007199254740992.0
#   {"a":1,"A":2}                        DuckDB: a column A_1; one level deeper it refuses the file
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

install_python pandas==3.1.1 polars==2.1.0 duckdb==1.4.4 pyarrow==26.0.1

cat > read.py <<'PYTHON'
import duckdb
import pandas
import polars
from pyarrow import json

FILES = [
    ['{"id":"007"}', '{"id":"1e5"}'],
    ['{"at":"2026-07-01"}'],
    ['{"at":"2026-07-01T10:00:00+02:00"}'],
    ['{"n":18446744073709551615}'],
    ['{"n":123456789012345678901234567890}'],
    ['{"n":9007199254740993}', '{"n":null}'],
    ['{"a":1,"A":2}'],
    ['{"o":{"a":1,"A":2}}'],
]


def by_duckdb():
    found = duckdb.sql("SELECT * FROM read_json('t.ndjson')")
    return [dict(zip(found.columns, row)) for row in found.fetchall()]


def shown(value):
    if isinstance(value, dict):
        return {name: shown(member) for name, member in value.items()}
    return f"({type(value).__name__}) {value}" if hasattr(value, "year") else value


READERS = {
    "pandas": lambda: pandas.read_json("t.ndjson", lines=True).to_dict("records"),
    "Polars": lambda: polars.read_ndjson("t.ndjson").to_dicts(),
    "DuckDB": by_duckdb,
    "pyarrow": lambda: json.read_json("t.ndjson").to_pylist(),
}
for lines in FILES:
    open("t.ndjson", "w").write("\n".join(lines) + "\n")
    print(*lines)
    for name, read in READERS.items():
        try:
            print(f"    {name}:", *[shown(row) for row in read()])
        except Exception:
            print(f"    {name}: refused")
PYTHON
python/bin/python read.py > seen
cat seen

diff - seen <<'EXPECTED' && echo "as found"
{"id":"007"} {"id":"1e5"}
    pandas: {'id': 7.0} {'id': 100000.0}
    Polars: {'id': '007'} {'id': '1e5'}
    DuckDB: {'id': '007'} {'id': '1e5'}
    pyarrow: {'id': '007'} {'id': '1e5'}
{"at":"2026-07-01"}
    pandas: {'at': '2026-07-01'}
    Polars: {'at': '2026-07-01'}
    DuckDB: {'at': '(date) 2026-07-01'}
    pyarrow: {'at': '(datetime) 2026-07-01 00:00:00'}
{"at":"2026-07-01T10:00:00+02:00"}
    pandas: {'at': '2026-07-01T10:00:00+02:00'}
    Polars: {'at': '2026-07-01T10:00:00+02:00'}
    DuckDB: {'at': '2026-07-01T10:00:00+02:00'}
    pyarrow: {'at': '(datetime) 2026-07-01 08:00:00'}
{"n":18446744073709551615}
    pandas: {'n': 18446744073709551615}
    Polars: {'n': 18446744073709551615}
    DuckDB: refused
    pyarrow: {'n': 1.8446744073709552e+19}
{"n":123456789012345678901234567890}
    pandas: refused
    Polars: {'n': 123456789012345678901234567890}
    DuckDB: {'n': 1.2345678901234568e+29}
    pyarrow: {'n': 1.2345678901234568e+29}
{"n":9007199254740993} {"n":null}
    pandas: {'n': 9007199254740992.0} {'n': nan}
    Polars: {'n': 9007199254740993} {'n': None}
    DuckDB: {'n': 9007199254740993} {'n': None}
    pyarrow: {'n': 9007199254740993} {'n': None}
{"a":1,"A":2}
    pandas: {'a': 1, 'A': 2}
    Polars: {'a': 1, 'A': 2}
    DuckDB: {'a': 1, 'A_1': 2}
    pyarrow: {'a': 1, 'A': 2}
{"o":{"a":1,"A":2}}
    pandas: {'o': {'a': 1, 'A': 2}}
    Polars: {'o': {'a': 1, 'A': 2}}
    DuckDB: refused
    pyarrow: {'o': {'a': 1, 'A': 2}}
EXPECTED
