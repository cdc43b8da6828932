"""The toolkit beside asyncpg, psycopg and PostgreSQL's own programs, over one server: ``cargo xtask bench toolkit``.

In the part ``calls`` every side does the same work in turns, round by round, so that what disturbs one disturbs the others too; the
best round of each counts. ``loopback`` sends as many bytes to an echo on this machine and back: no client over
a socket is faster.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time

import asyncpg
import psycopg

from isobase.database import DBConnector, DBOperator, match_column

import dumps
import mock_rows

ROUNDS = 5
TABLE = """
DROP TABLE IF EXISTS bench; CREATE TABLE bench (id int PRIMARY KEY, user_name text, email text, created_at timestamptz,
    balance numeric(12,2), is_active boolean, data jsonb, score float8);
INSERT INTO bench SELECT n, 'user ' || n, 'user' || n || '@example.com', timestamptz '2024-01-01' + n * interval '1 minute',
    n * 1.25, n % 2 = 0, json_build_object('n', n), n / 7.0 FROM generate_series(1, 10000) n; ANALYZE bench;
DROP TABLE IF EXISTS bench_into; CREATE TABLE bench_into (id int, user_name text, score float8);
"""
COPIED = ["id", "user_name", "score"]


class Isobase:
    name = "isobase"

    async def open(self, url):
        self.db = DBConnector(url, max_size=1)
        self.operator = DBOperator(self.db)

    async def one(self, key):
        return await self.db.fetch_dict("SELECT * FROM bench WHERE id = $1", key)

    async def many(self):
        return await self.db.fetch_all("SELECT * FROM bench")

    async def insert(self, key):
        await self.db.execute("INSERT INTO bench_into VALUES ($1, $2, $3)", (key, "x", 0.5))

    async def bulk(self, rows):
        await self.operator.bulk_insert("bench_into", COPIED, rows)

    async def close(self):
        await self.db.close()


class Asyncpg:
    name = "asyncpg"

    async def open(self, url):
        self.db = await asyncpg.connect(url)

    async def one(self, key):
        return await self.db.fetchrow("SELECT * FROM bench WHERE id = $1", key)

    async def many(self):
        return await self.db.fetch("SELECT * FROM bench")

    async def insert(self, key):
        await self.db.execute("INSERT INTO bench_into VALUES ($1, $2, $3)", key, "x", 0.5)

    async def bulk(self, rows):
        await self.db.copy_records_to_table("bench_into", records=rows, columns=COPIED)

    async def close(self):
        await self.db.close()


class Psycopg:
    name = "psycopg"

    async def open(self, url):
        self.db = await psycopg.AsyncConnection.connect(url, autocommit=True)
        self.db.prepare_threshold = 0
        self.rows = psycopg.rows.dict_row

    async def one(self, key):
        async with self.db.cursor(row_factory=self.rows) as cursor:
            await cursor.execute("SELECT * FROM bench WHERE id = %s", (key,))
            return await cursor.fetchone()

    async def many(self):
        async with self.db.cursor(row_factory=self.rows) as cursor:
            await cursor.execute("SELECT * FROM bench")
            return await cursor.fetchall()

    async def insert(self, key):
        await self.db.execute("INSERT INTO bench_into VALUES (%s, %s, %s)", (key, "x", 0.5))

    async def bulk(self, rows):
        async with self.db.cursor() as cursor:
            async with cursor.copy("COPY bench_into (id, user_name, score) FROM STDIN") as copy:
                for row in rows:
                    await copy.write_row(row)

    async def close(self):
        await self.db.close()


def echo(size):
    """Round trips a second of so many bytes each way, over loopback, without a database."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = server.accept()
        with connection:
            while connection.recv(65536):
                connection.sendall(b"x" * size)

    threading.Thread(target=serve, daemon=True).start()
    with socket.create_connection(server.getsockname()) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < 0.5:
            client.sendall(b"x" * size)
            left = size
            while left > 0:
                left -= len(client.recv(65536))
            count += 1
        rate = count / (time.perf_counter() - began)
    server.close()
    return rate


async def rate(work, seconds):
    """How often a second."""
    count, began = 0, time.perf_counter()
    while True:
        await work(count)
        count += 1
        took = time.perf_counter() - began
        if took >= seconds:
            return count / took


async def compare(sides, seconds, work, before=None):
    best = {side.name: 0.0 for side in sides}
    for _ in range(ROUNDS):
        for side in sides:
            if before is not None:
                await before()
            best[side.name] = max(best[side.name], await rate(lambda count: work(side, count), seconds))
    return best


def import_seconds(statement):
    """The quickest of several interpreters, without what an empty one takes."""

    def run(code):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - began

    return min(run(statement) for _ in range(ROUNDS)) - min(run("pass") for _ in range(ROUNDS))


async def measure(url, seconds, rows):
    sides = [Isobase(), Asyncpg(), Psycopg()]
    for side in sides:
        await side.open(url)
    isobase = sides[0]
    await isobase.db.run_sql_script(TABLE)

    async def empty():
        await isobase.db.execute("TRUNCATE bench_into")

    results = {"fetch_one by key, a second": await compare(sides, seconds, lambda side, n: side.one(1 + n % 10_000))}
    results["fetch of 10,000 rows of 8 columns, a second"] = await compare(sides, seconds, lambda side, n: side.many())
    results["insert of one row, a second"] = await compare(sides, seconds, lambda side, n: side.insert(n), empty)
    data = [(n, f"user {n}", n / 7) for n in range(rows)]
    bulk = await compare(sides, 0, lambda side, n: side.bulk(data), empty)
    results[f"bulk insert, rows a second of {rows:,}"] = {name: value * rows for name, value in bulk.items()}
    for side in sides:
        await side.close()
    results["import, milliseconds"] = {
        name: import_seconds(f"import {module}") * 1_000
        for name, module in (("isobase", "isobase.database"), ("asyncpg", "asyncpg"), ("psycopg", "psycopg"))
    }
    columns = ["id", "user_name", "email", "created_at", "balance", "is_active", "data", "score"]
    began = time.perf_counter()
    for _ in range(20_000):
        match_column("createdAt", columns)
    results["column matching, microseconds"] = {"isobase": (time.perf_counter() - began) / 20_000 * 1e6}
    results["loopback of 200 bytes, a second"] = {"echo": echo(200)}
    return results


#: What is wanted: of which result, against whom, at least or at most which ratio.
TARGETS = [
    ("fetch_one by key", "asyncpg", 0.9, False),
    ("fetch_one by key", "psycopg", 1.5, False),
    ("fetch of 10,000 rows", "asyncpg", 1.2, False),
    ("insert of one row", "asyncpg", 0.9, False),
    ("bulk insert", "asyncpg", 0.9, False),
    ("import", "asyncpg", 1.5, True),
]


def calls(given):
    """Calls beside the same calls of asyncpg and psycopg."""
    results = asyncio.run(measure(given.url, given.seconds, given.rows or 100_000))
    show(results)
    for what, other, target, at_most in TARGETS:
        name = next(name for name in results if name.startswith(what))
        ratio = results[name]["isobase"] / results[name][other]
        met = ratio <= target if at_most else ratio >= target
        bound = "at most" if at_most else "at least"
        print(f"{what:<24} {ratio:6.2f} × {other}, wanted {bound} {target}{'' if met else '   MISSED'}")
    matching = results["column matching, microseconds"]["isobase"]
    print(f"column matching          {matching:6.2f} µs, wanted at most 5{'' if matching <= 5 else '   MISSED'}")
    ours, bare = results["fetch_one by key, a second"]["isobase"], results["loopback of 200 bytes, a second"]["echo"]
    print(f"fetch_one by key         {ours / bare:6.2f} × loopback")
    return results


def show(results):
    """Prints a line for each result."""
    for what, sides in results.items():
        print(f"{what:<48}" + "".join(f"{name:>10} {value:>12,.1f}" for name, value in sides.items()))
    print()


PARTS = {"calls": calls, "mock": mock_rows.run, "dump": dumps.run}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--programs", metavar="FOLDER", required=True, help="psql, pg_dump, pg_restore")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    results = {}
    for name in given.only:
        print(f"\n{name}: {PARTS[name].__doc__}")
        results.update(PARTS[name](given))
    if load > os.cpu_count() / 4:
        print(f"\nThe load average was {load:.1f} at the start: these figures are not worth keeping.")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"load": load, "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
