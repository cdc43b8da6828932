"""Reads each value with a driver of Python and writes what it got into the same table."""

import asyncio
import json
import os
import sys

import asyncpg
import pg8000.dbapi
import psycopg

PORT = int(os.environ["PGPORT"])
VALUES = [line.split("\t") for line in open("values").read().splitlines()]


def connect():
    return psycopg.connect(host="127.0.0.1", port=PORT, user="postgres", dbname="postgres", autocommit=True)


def prepare():
    with connect() as c:
        for i, (kind, value) in enumerate(VALUES):
            c.execute(f"CREATE TABLE t{i} (who text, v {kind})")
            c.execute(f"INSERT INTO t{i} VALUES ('stored', %s)", (value,))


def by_psycopg(i):
    with connect() as c:
        (value,) = c.execute(f"SELECT v FROM t{i} WHERE who = 'stored'").fetchone()
        c.execute(f"INSERT INTO t{i} VALUES ('psycopg', %s)", (value,))


def by_pg8000(i):
    c = pg8000.dbapi.connect(host="127.0.0.1", port=PORT, user="postgres")
    try:
        cursor = c.cursor()
        cursor.execute(f"SELECT v FROM t{i} WHERE who = 'stored'")
        (value,) = cursor.fetchone()
        cursor.execute(f"INSERT INTO t{i} VALUES ('pg8000', %s)", (value,))
        c.commit()
    finally:
        c.close()


def by_asyncpg(i):
    async def run():
        c = await asyncpg.connect(host="127.0.0.1", port=PORT, user="postgres")
        try:
            value = await c.fetchval(f"SELECT v FROM t{i} WHERE who = 'stored'")
            await c.execute(f"INSERT INTO t{i} VALUES ('asyncpg', $1)", value)
        finally:
            await c.close()

    asyncio.run(run())


def show():
    drivers = ["psycopg", "asyncpg", "pg8000", "node-postgres", "postgres.js"]
    with connect() as c:
        c.execute("SET timezone = 'UTC'")
        for i, _ in enumerate(VALUES):
            rows = c.execute(f"SELECT who, coalesce(v::text, 'NULL of SQL') FROM t{i}")
            written = dict(rows.fetchall())
            stored = written.pop("stored")
            told = {who: written.get(who, "refused") for who in drivers}
            print(VALUES[i][0], stored)
            for text in dict.fromkeys(told.values()):
                if text != stored:
                    print(f"    {text}: {', '.join(who for who in drivers if told[who] == text)}")


if sys.argv[1] == "prepare":
    prepare()
elif sys.argv[1] == "show":
    show()
else:
    for by in [by_psycopg, by_asyncpg, by_pg8000]:
        for i, _ in enumerate(VALUES):
            try:
                by(i)
            except Exception:
                pass  # refused when it is read or when it is written: nothing is in the table
