"""Fixtures for pytest."""

import asyncio
import os
import uuid

import pytest


@pytest.fixture
def isobase_txn():
    """A transaction of the test database that is rolled back after the test."""
    from .testing import TestTransactionManager

    with TestTransactionManager() as transaction:
        yield transaction


@pytest.fixture(scope="session")
def isobase_database():
    """A copy of the test database for this process alone, dropped at the end: tests that commit may run
    in parallel (pytest-xdist). While it is there, ``TEST_DB_NAME`` names it. Gives its URL.

    The test database is the template: nothing may be connected to it meanwhile.
    """
    from isobase import _native

    from .db_connector import DBConnector

    before = os.environ.get("TEST_DB_NAME")
    template = before or "contentgen_test_db"
    name = f"isobase_test_{uuid.uuid4().hex}"
    quoted = '"' + template.replace('"', '""') + '"'

    async def run(statement):
        os.environ["TEST_DB_NAME"] = "postgres"
        try:
            async with DBConnector(test=True) as db:
                # One at a time: PostgreSQL copies no template that another is copying.
                async with db.transaction() as lock:
                    await lock.execute("SELECT pg_advisory_xact_lock(5783417286)")
                    await db.execute(statement)
        finally:
            os.environ["TEST_DB_NAME"] = template

    asyncio.run(run(f"CREATE DATABASE {name} TEMPLATE {quoted}"))
    os.environ["TEST_DB_NAME"] = name
    try:
        yield _native.url_from_environment(True)
    finally:
        asyncio.run(run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        if before is None:
            del os.environ["TEST_DB_NAME"]
