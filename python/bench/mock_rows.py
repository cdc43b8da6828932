"""Mock rows beside COPY of the same rows from a file."""

import asyncio
import pathlib
import subprocess
import tempfile
import time

from isobase.database import DBConnector, MockDataGenerator, SchemaRegistry

ROUNDS = 3
#: At least so many times as fast as COPY.
WANTED = 0.5
TABLE = """
DROP TABLE IF EXISTS mocked; CREATE TABLE mocked (id int PRIMARY KEY, user_name text NOT NULL, email text UNIQUE,
    created_at timestamptz NOT NULL, balance numeric(12,2) CHECK (balance >= 0), is_active boolean NOT NULL,
    data jsonb, score float8);
"""


def run(given):
    """Mock rows beside COPY of the same rows from a file, by psql."""
    rows = given.rows or 1_000_000
    best = {"isobase": float("inf"), "COPY": float("inf")}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "rows.tsv"
        psql = [f"{given.programs}/psql", "--quiet", "--set=ON_ERROR_STOP=1", given.url, "--command"]
        for number in range(ROUNDS):
            best["isobase"] = min(best["isobase"], _mocked(given.url, rows, number))
            subprocess.run([*psql, f"\\copy mocked TO '{file}'"], check=True)
            subprocess.run([*psql, "TRUNCATE mocked"], check=True)
            began = time.perf_counter()
            subprocess.run([*psql, f"\\copy mocked FROM '{file}'"], check=True)
            best["COPY"] = min(best["COPY"], time.perf_counter() - began)
            file.unlink()
    rates = {name: rows / seconds for name, seconds in best.items()}
    print("".join(f"{name:>10} {rate:>12,.0f} rows a second" for name, rate in rates.items()) + f", of {rows:,}")
    ratio = rates["isobase"] / rates["COPY"]
    print(f"mock rows                {ratio:6.2f} × COPY, wanted at least {WANTED}{'' if ratio >= WANTED else '   MISSED'}")
    return {f"mock rows, a second of {rows:,}": rates}


def _mocked(url, rows, seed):
    """Seconds that it takes to make so many rows and write them."""
    db = DBConnector(url)
    asyncio.run(db.run_sql_script(TABLE))
    generator = MockDataGenerator(SchemaRegistry(connector=db), seed=seed)
    began = time.perf_counter()
    assert generator.fill(db, ["mocked"], count=rows) == {"mocked": rows}
    took = time.perf_counter() - began
    asyncio.run(db.close())
    return took
