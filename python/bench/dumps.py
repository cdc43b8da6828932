"""Dumps and restores beside ``pg_dump -Fc`` and ``pg_restore``."""

import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile

from isobase.database import DBConnector

#: At most so many times as long as PostgreSQL's own programs, and so much memory.
WANTED, MEMORY_MIB = 1.0, 128
TABLE = """
DROP TABLE IF EXISTS big; CREATE TABLE big (id int PRIMARY KEY, user_name text, email text, created_at timestamptz,
    balance numeric(12,2), is_active boolean, data jsonb, score float8);
INSERT INTO big SELECT n, 'user ' || n, 'user' || n || '@example.com', timestamptz '2024-01-01' + n * interval '1 minute',
    n * 1.25, n % 2 = 0, json_build_object('n', n), n / 7.0 FROM generate_series(1, {rows}) n;
CREATE INDEX ON big (created_at);
"""
#: In a process of its own: then its peak of memory is that of this work, and of the programs that it starts.
CHILD = """
import json, resource, subprocess, sys, time
from isobase.database import DatabaseSyncManager
what, file, source, target, programs = sys.argv[1:]
sides = {
    "built in": lambda: DatabaseSyncManager(production_url=source, test_url=target, built_in=True),
    "isobase": lambda: DatabaseSyncManager(production_url=source, test_url=target),
}
side, step = what.split(":")
began = time.perf_counter()
if side == "pg":
    words = {"dump": ["pg_dump", "-Fc", "-f", file, source], "restore": ["pg_restore", "-d", target, file]}[step]
    subprocess.run([f"{programs}/{words[0]}", *words[1:]], check=True)
elif step == "dump":
    sides[side]().create_dump(file)
else:
    sides[side]().restore_dump(file)
took = time.perf_counter() - began
usage = (resource.RUSAGE_CHILDREN,) if side == "pg" else (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)
print(json.dumps({"seconds": took, "kib": max(resource.getrusage(one).ru_maxrss for one in usage)}))
"""


def run(given):
    """Dump and restore of a table, beside pg_dump -Fc and pg_restore; each restore compares all rows."""
    rows = given.rows or 5_000_000
    server = given.url.rsplit("/", 1)[0]
    names = {side: f"bench_dump_{side.replace(' ', '_')}" for side in ("source", "pg", "isobase", "built in")}
    asyncio.run(_create(given.url, names.values()))
    source = f"{server}/{names['source']}"
    asyncio.run(_script(source, TABLE.format(rows=rows)))
    seconds, memory = {"dump": {}, "restore": {}}, {"dump": {}, "restore": {}}
    with tempfile.TemporaryDirectory() as folder:
        for side in ("pg", "isobase", "built in"):
            file = pathlib.Path(folder) / "dump"
            for step in ("dump", "restore"):
                words = [f"{side}:{step}", str(file), source, f"{server}/{names[side]}", given.programs]
                done = subprocess.run(
                    [sys.executable, "-c", CHILD, *words], stdout=subprocess.PIPE, check=True, cwd=folder
                )
                told = json.loads(done.stdout)
                seconds[step][side], memory[step][side] = told["seconds"], told["kib"] / 1024
            file.unlink()
    asyncio.run(_drop(given.url, names.values()))
    for step in ("dump", "restore"):
        print(f"{step} of {rows:,} rows")
        for side, took in seconds[step].items():
            print(f"  {side:<10} {took:8.1f} s {memory[step][side]:8.0f} MiB")
        _judge(step, seconds[step], memory[step])
    return {
        **{f"{step}, seconds of {rows:,} rows": seconds[step] for step in seconds},
        **{f"{step}, MiB at most": memory[step] for step in memory},
    }


def _judge(step, seconds, memory):
    for side in ("isobase", "built in"):
        ratio = seconds[side] / seconds["pg"]
        missed = ratio > WANTED or memory[side] > MEMORY_MIB
        print(
            f"{step:<8} {side:<15} {ratio:6.2f} × pg_{step}, wanted at most {WANTED} and {MEMORY_MIB} MiB"
            f"{'   MISSED' if missed else ''}"
        )


async def _script(url, script):
    async with DBConnector(url, statement_timeout=3_600) as db:
        await db.run_sql_script(script)


async def _create(url, names):
    async with DBConnector(url) as db:
        for name in names:
            await db.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await db.execute(f"CREATE DATABASE {name}")


async def _drop(url, names):
    async with DBConnector(url) as db:
        for name in names:
            await db.execute(f"DROP DATABASE {name} WITH (FORCE)")
