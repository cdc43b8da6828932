"""A database of PostgreSQL for the tests, in the server that ``ISOBASE_TEST_POSTGRES_URL`` names."""

import asyncio
import os
import urllib.parse
import uuid

import pytest

from isobase.database import DBConnector

from machine import Machine

SERVER = os.environ.get("ISOBASE_TEST_POSTGRES_URL")
#: Servers by their major version: ``13=postgres://…,18=postgres://…``.
VERSIONS = dict(
    pair.split("=", 1) for pair in os.environ.get("ISOBASE_TEST_POSTGRES_VERSIONS", "").split(",") if pair
)
NEWEST = VERSIONS[max(VERSIONS, key=int)] if VERSIONS else None


def variables(url, prefix):
    parts = urllib.parse.urlsplit(url)
    return {
        f"{prefix}DB_HOST": parts.hostname,
        f"{prefix}DB_PORT": str(parts.port or 5432),
        f"{prefix}DB_USER": parts.username or "postgres",
        f"{prefix}DB_PASS": parts.password or "",
        f"{prefix}DB_NAME": parts.path.strip("/"),
    }


@pytest.fixture(scope="session", autouse=True)
def databases():
    """Two databases, which the variables of the specification name."""
    if not SERVER:
        if os.environ.get("ISOBASE_TEST_REQUIRE_ALL") == "1":
            raise RuntimeError("ISOBASE_TEST_POSTGRES_URL is not set: start with cargo xtask test")
        pytest.skip("no PostgreSQL: start with cargo xtask test")

    async def create(names):
        async with DBConnector(SERVER) as db:
            for name in names:
                await db.execute(f"CREATE DATABASE {name}")

    names = [f"toolkit_py_{kind}_{uuid.uuid4().hex[:12]}" for kind in ("prod", "test")]
    asyncio.run(create(names))
    urls = [SERVER.rsplit("/", 1)[0] + "/" + name for name in names]
    for url, prefix in zip(urls, ("", "TEST_")):
        os.environ.update(variables(url, prefix))
    yield urls


@pytest.fixture(scope="session")
def tables(databases):
    """Users, with a key that the database makes, in both databases."""

    async def create(url):
        async with DBConnector(url) as db:
            await db.run_sql_script(
                """CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE,
                       user_name text, data jsonb, created_at timestamptz DEFAULT now());
                   CREATE TABLE accounts (user_id int PRIMARY KEY, balance numeric NOT NULL CHECK (balance >= 0));
                   INSERT INTO accounts VALUES (1, 10), (2, 0);"""
            )

    for url in databases:
        asyncio.run(create(url))
    return databases


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    """Another machine, reached by ssh."""
    machine = Machine(tmp_path_factory.mktemp("machine")).start()
    yield machine
    machine.stop()
