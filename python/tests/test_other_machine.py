"""Dumps of another machine, over a real ``sshd`` and ``rsync``."""

import asyncio
import shutil
import uuid

import pytest

from isobase.database import DatabaseSyncManager, DBConnector


@pytest.fixture
def synced(databases, machine, monkeypatch):
    """A manager here, its dumps on the other machine, and databases that have changed since."""
    server, mark = databases[0].rsplit("/", 1)[0], uuid.uuid4().hex[:12]
    names = [f"toolkit_py_sync_{kind}_{mark}" for kind in ("prod", "test")]
    urls = [f"{server}/{name}" for name in names]

    async def run(statement):
        for url in urls:
            async with DBConnector(url) as db:
                await db.run_sql_script(statement)

    async def create():
        async with DBConnector(databases[0]) as db:
            for name in names:
                await db.execute(f"CREATE DATABASE {name}")
        await run("CREATE TABLE notes (n int); INSERT INTO notes SELECT generate_series(1, 1000)")

    asyncio.run(create())
    for variable, value in machine.variables.items():
        monkeypatch.setenv(variable, value)
    here, there = machine.here / mark, machine.there / mark
    here.mkdir()
    manager = DatabaseSyncManager(here, production_url=urls[0], test_url=urls[1], confirm=names[0])
    manager.dump_all()
    there.mkdir()
    shutil.move(here / "db_dumps", there / "db_dumps")
    asyncio.run(run("DELETE FROM notes WHERE n > 7"))

    def counts():
        async def count():
            found = []
            for url in urls:
                async with DBConnector(url) as db:
                    found.append(await db.fetch_val("SELECT count(*) FROM notes"))
            return found

        return asyncio.run(count())

    return manager, there / "db_dumps", counts


def test_dumps_are_fetched_and_restored(synced):
    manager, _, counts = synced
    assert counts() == [7, 7]
    assert manager.sync_from_dumps("user@otherhost") is True
    assert counts() == [1000, 1000]
    assert manager.get_available_dumps() == {"prod": ["prod_db_latest.sql"], "test": ["test_db_latest.sql"]}


def test_a_dump_that_was_cut_changes_nothing(synced):
    manager, dumps, counts = synced
    path = dumps / "test_db_latest.sql"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="no complete dump: its last line is missing. Nothing was changed"):
        manager.sync_from_dumps("user@otherhost")
    # The other dump is whole, and is not restored either.
    assert counts() == [7, 7]


def test_a_machine_without_dumps_or_without_a_name_changes_nothing(synced):
    manager, dumps, counts = synced
    shutil.rmtree(dumps)
    with pytest.raises(RuntimeError, match="Failed to pull dumps from remote: rsync failed"):
        manager.sync_from_dumps("user@otherhost")
    for wrong in ("", "-e sh"):
        with pytest.raises(ValueError, match="expected user@host"):
            manager.sync_from_dumps(wrong)
    assert counts() == [7, 7]


def test_production_must_be_named(synced):
    manager, _, counts = synced
    manager.confirm = None
    with pytest.raises(ValueError, match="confirm"):
        manager.sync_from_dumps("user@otherhost")
    assert counts() == [7, 7]
