"""Decorators, schemas, mock data, statistics, dumps, examples."""

import asyncio
import csv
import json
import os
import subprocess
import sys
import uuid

import pytest

from isobase.database import (
    DatabaseSyncManager, DBConnector, DBOperator, MockDataGenerator, QueryLogger, SchemaRegistry, SchemaSetup,
    TestTransactionManager, time_query, with_db_connection, with_transaction,
)
from isobase.database import shim
from isobase.database.examples import index
from isobase.database.sync import cli, db_sync_cli


@with_transaction
def test_functions_run_in_a_transaction(txn, tables):
    txn.execute("INSERT INTO users (name) VALUES ('Test User')")
    txn.create_savepoint("before_changes")
    txn.execute("DELETE FROM users")
    txn.rollback_to_savepoint("before_changes")
    assert txn.fetch_one("SELECT * FROM users WHERE name = 'Test User'") is not None


class TestMyService:
    def setup_method(self):
        self.db = DBOperator(test_mode="e2e")

    @with_transaction
    def test_methods_run_in_a_transaction(self, tables):
        assert self.db.insert("public", "users", {"name": "in a method"}) is not None
        assert self.db.count("users", {"name": "in a method"}) == 1

    def test_nothing_is_left(self, tables):
        assert self.db.count("users", {"name": "in a method"}) == 0
        assert self.db.count("users", {"name": "Test User"}) == 0


def test_the_fixture_is_there(isobase_txn, tables):
    assert isobase_txn.fetch_val("SELECT 1") == 1
    with pytest.raises(ValueError, match="No savepoints available"):
        isobase_txn.rollback_to_savepoint()


class Service:
    @with_db_connection
    async def add(self, conn, name):
        await conn.execute("INSERT INTO users (name) VALUES ($1)", name)
        return await conn.fetch_dict("SELECT * FROM users WHERE name = $1", name)

    @with_db_connection
    def fail(self, conn):
        conn.execute("INSERT INTO users (name) VALUES ('never')")
        raise KeyError("no")


def test_connections_are_injected(tables):
    assert asyncio.run(Service().add("injected"))["name"] == "injected"
    with pytest.raises(KeyError):
        Service().fail()
    with TestTransactionManager(DBOperator().connection_url) as txn:
        assert txn.fetch_val("SELECT count(*) FROM users WHERE name IN ('injected', 'never')") == 1


def test_schemas_are_set_up(databases):
    async def test():
        setup = SchemaSetup(test=True)
        await setup.ensure_project_schema("My_Project")
        verification = await setup.verify_schema("my_project")
        assert len(verification) == 5 and all(verification.values())
        assert await setup.verify_schema("nope") == {}
        with pytest.raises(ValueError, match="Schema name cannot be empty"):
            await setup.ensure_project_schema("")
        await setup.close()

    asyncio.run(test())


def test_rows_are_made_up(tables, tmp_path):
    registry = SchemaRegistry()
    generator = MockDataGenerator(registry, seed=7)
    user = generator.generate_row("public", "users")
    assert registry.validate_insert_data("public", "users", user) == (True, "")
    assert registry.validate_insert_data("public", "users", {}) == (False, "Missing required column: name")
    assert registry.get_table_schema("public", "users")["primary_keys"] == ["id"]
    path = tmp_path / "s.sql"
    path.write_text("CREATE TABLE a (id uuid PRIMARY KEY); CREATE TABLE b (a_id uuid REFERENCES a, x int NOT NULL);")
    generator = MockDataGenerator(SchemaRegistry("file", path), seed=7)
    rows = generator.generate_related_rows("public", "a", {"b": {"count": 3, "fk_column": "a_id"}})
    assert {row["a_id"] for row in rows["b"]} == {rows["a"][0]["id"]}
    assert "mock_error" in generator.generate_row("public", "nope")
    people = [MockDataGenerator(SchemaRegistry(), seed=3, realistic=True).generate_row("public", "users") for _ in "ab"]
    assert people[0] == people[1] and people[0]["email"].partition("@")[2].startswith("example.")
    with pytest.raises(ValueError, match="Unsupported schema source: x"):
        SchemaRegistry("x")


def test_statements_are_timed(tmp_path, capsys):
    logger = QueryLogger(slow_threshold_ms=50)

    class UserService:
        def __init__(self):
            self.query_logger = logger

        @time_query
        def get_user(self, user_id):
            return user_id

    UserService().get_user(5)
    logger.log_query("SELECT * FROM a JOIN b ON true", (1,), 51)
    stats = logger.get_stats()
    assert (stats["count"], stats["slow_query_count"]) == (2, 1)
    assert stats["table_access"] == {"a": 1, "b": 1}
    assert logger.get_slow_queries()[0]["execution_time"] == 51
    logger.export_to_json(tmp_path / "q.json")
    logger.export_to_csv(tmp_path / "q.csv")
    assert len(json.loads((tmp_path / "q.json").read_text())["queries"]) == 2
    assert next(csv.reader((tmp_path / "q.csv").open())) == ["Timestamp", "Query", "Parameters", "Execution Time (ms)"]
    logger.print_summary()
    assert capsys.readouterr().out.startswith("===== Database Query Summary =====")


def test_dumps_go_round(tables, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    async def with_models():
        setup = SchemaSetup()
        await setup.ensure_public_schema()
        await setup.close()

    asyncio.run(with_models())
    manager = DatabaseSyncManager()
    production, test = manager.dump_all()
    assert os.path.basename(production).startswith("prod_db_2") and os.path.exists(test)
    assert manager.restore_database(os.path.basename(test), is_test_db=True)
    with pytest.raises(ValueError, match="confirm with"):
        manager.restore_database(production)
    with pytest.raises(FileNotFoundError, match="Database dump not found"):
        manager.restore_database("nope.sql", is_test_db=True)
    assert manager.commit_dumps_to_git() is False
    built_in = DatabaseSyncManager(built_in=True)
    assert built_in.restore_database(built_in.dump_database(True, False, schemas=["public"]), is_test_db=True)
    assert db_sync_cli.main(["list"]) == 0
    assert "prod_db_latest.sql" in capsys.readouterr().out
    assert db_sync_cli.main(["restore", "--test", "test_db_latest.sql"]) == 0
    assert db_sync_cli.main(["restore", "--latest"]) == 1
    assert cli.main(["dump", "--output=db_dump.sql", "--test"]) == 0
    assert cli.main(["restore", "--input=db_dump.sql"]) == 0
    assert cli.main(["workflow", "--name=refresh_test_db"]) == 0


def test_databases_are_mirrored_by_lists_of_tables(databases, tmp_path):
    urls = [databases[0].rsplit("/", 1)[0] + f"/toolkit_py_mirror_{uuid.uuid4().hex[:12]}" for _ in range(3)]

    async def create():
        async with DBConnector(databases[0]) as db:
            for url in urls:
                await db.execute(f"CREATE DATABASE {url.rpartition('/')[2]}")
        async with DBConnector(urls[0]) as db:
            await db.run_sql_script(
                "CREATE SCHEMA a; CREATE TABLE a.words (id int PRIMARY KEY); INSERT INTO a.words VALUES (1), (2);"
                "CREATE TABLE prompts (id int PRIMARY KEY); INSERT INTO prompts VALUES (3);"
            )

    async def counts(url):
        async with DBConnector(url) as db:
            tables = ("a.words", "public.prompts")
            return [await db.fetch_val(f"SELECT count(*) FROM {table}") for table in tables]

    asyncio.run(create())
    production, test, third = urls
    manager = DatabaseSyncManager(tmp_path, production_url=production, test_url=test, built_in=True)
    assert manager.clone_structure("prod", "test") and asyncio.run(counts(test)) == [0, 0]
    assert manager.sync_tables("prod", "test", ["words"], ["a"]) == 2 and asyncio.run(counts(test)) == [2, 0]
    assert manager.sync_tables(["a.words", "prompts"], "public") == 3 and asyncio.run(counts(test)) == [2, 1]
    assert manager.sync_tables(["words"], schema="a") == 2
    assert manager.clone_structure(source=test, target=third)
    rows = manager.sync_tables(source_db="test", target_db=third, tables=["prompts"], schemas=None)
    assert rows == 1 and asyncio.run(counts(third)) == [0, 1]
    for call in (
        lambda: manager.clone_structure("test", "prod"),
        lambda: manager.sync_tables("test", production.replace("127.0.0.1", "localhost"), ["prompts"], ["public"]),
        lambda: manager.sync_tables("test", "test", ["prompts"], ["public"]),
        lambda: manager.sync_tables("prod", "elsewhere", ["prompts"], ["public"]),
        lambda: manager.sync_tables("prod", "test", [], ["public"]),
    ):
        with pytest.raises(ValueError):
            call()
    assert asyncio.run(counts(production)) == [2, 1]
    manager.confirm = production.rpartition("/")[2]
    assert manager.sync_tables("test", "prod", ["prompts"], ["public"]) == 1


def test_examples_run(capsys):
    for name in index.EXAMPLES:
        assert index.main(["run", name]) == 0
    assert index.main(["run", "x"]) == 1
    assert "Error: Example 'x' not found." in capsys.readouterr().out


def test_the_shim_is_the_specifications_package(tables, tmp_path):
    shim.write(tmp_path)
    code = (
        "from services.database.db_operator import DBOperator\n"
        "from services.database.schema_setup import SchemaSetup\n"
        "from services.database.testing import with_transaction\n"
        "from services.database import with_db_connection, DatabaseSyncManager\n"
    )
    for arguments in (
        ["-c", code],
        ["-m", "services.database.examples.index", "list"],
        ["-m", "services.database.sync.db_sync_cli", "list"],
        ["-m", "services.database.sync.cli"],
        ["-m", "pytest", "-q", "services/database/tests"],
    ):
        done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
