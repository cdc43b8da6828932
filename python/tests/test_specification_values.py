"""The samples of the specification, as its readers type them, on the package that the shim writes."""

import asyncio
import json
import sys
import uuid

import pytest

from isobase.database import DBConnector, shim

ID = "550e8400-e29b-41d4-a716-446655440000"
TABLES = f"""
CREATE TABLE sample.users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, email text UNIQUE,
    role text, username text);
CREATE TABLE sample.profiles (user_id uuid REFERENCES sample.users);
CREATE TABLE sample.posts (id serial PRIMARY KEY, user_id uuid NOT NULL REFERENCES sample.users, title text);
CREATE TABLE sample.accounts (user_id int PRIMARY KEY, balance int CHECK (balance >= 0));
CREATE TABLE sample.data (id int PRIMARY KEY, processed boolean DEFAULT false);
INSERT INTO sample.users (id, name, username) VALUES ('{ID}', 'John', 'john.doe');
INSERT INTO sample.accounts VALUES (1, 100), (2, 0);
INSERT INTO sample.data VALUES (7, false);
"""


@pytest.fixture(scope="module")
def services(databases, tmp_path_factory):
    """The package of the shim, and tables for its samples."""

    async def create():
        async with DBConnector() as db:
            await db.run_sql_script("CREATE SCHEMA sample;" + TABLES)

    asyncio.run(create())
    folder = tmp_path_factory.mktemp("shim")
    shim.write(folder)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def test_connectors_and_operators(services):
    from services.database.db_connector import DBConnector
    from services.database.db_operator import DBOperator

    async def samples():
        db = DBConnector()
        result = await db.execute("SELECT * FROM users WHERE id = $1", (ID,), fetch_row=True, schema="sample")
        assert result["name"] == "John"
        async with db.transaction() as conn:
            await conn.execute("INSERT INTO sample.users (name) VALUES ($1)", ("John Doe",))
        await db.close()

        db = DBOperator()
        try:
            user = await db.get_by_uuid("users", ID, schema="sample")
            assert user == await db.get_by_name("users", "john.doe", name_column="username", schema="sample")
            new_user = await db.insert(
                "users", {"name": "Jane Smith", "email": "jane@example.com", "role": "user"}, schema="sample"
            )
            user_id = await db.insert("users", {"name": "J", "email": "john@example.com"}, schema="sample")
            assert (await db.fetch_one("SELECT * FROM sample.users WHERE id = $1", (user_id,)))["name"] == "J"
            assert new_user["id"] != user_id["id"]
            async with db.transaction() as conn:
                await conn.execute(
                    "UPDATE sample.accounts SET balance = balance - $1 WHERE user_id = $2", (30, 1)
                )
                await conn.execute(
                    "UPDATE sample.accounts SET balance = balance + $1 WHERE user_id = $2", (30, 2)
                )
            assert await db.count("accounts", {"balance": 30}, schema="sample") == 1
        finally:
            await db.close()

    asyncio.run(samples())


def test_schemas_seeds_and_clones(services, tmp_path):
    from services.database.db_operator import DBOperator
    from services.database.schema_setup import SchemaSetup

    seeds = tmp_path / "seed_projects.json"
    seeds.write_text(json.dumps([{"id": ID, "name": "seeded", "metadata": {"a": 1}}]))

    async def samples():
        setup = SchemaSetup()
        await setup.ensure_public_schema()
        await setup.ensure_project_schema("new_project")
        verification = await setup.verify_schema("new_project")
        assert [table for table, exists in verification.items() if not exists] == []
        await setup.close()
        db = DBOperator()
        content = {"title": "New Content", "content": "This is the content", "content_type": "article"}
        assert (await db.insert("content", content, schema="new_project"))["status"] == "draft"
        await db.load_seed_data(str(seeds))
        clone = await db.clone_project(ID, str(uuid.uuid4()))
        assert clone["name"] == "seeded_clone" and clone["metadata"] == {"a": 1}
        await db.cleanup_non_protected()
        await db.close()

    asyncio.run(samples())


def test_decorators(services):
    from services.database import with_db_connection

    @with_db_connection
    async def process_data(conn, data_id):
        result = await conn.fetch_dict("SELECT * FROM sample.data WHERE id = $1", data_id)
        await conn.execute("UPDATE sample.data SET processed = TRUE WHERE id = $1", data_id)
        return result

    assert asyncio.run(process_data(7)) == {"id": 7, "processed": False}
    assert asyncio.run(process_data(7)) == {"id": 7, "processed": True}


def test_mock_data_and_statistics(services, capsys):
    from services.database import MockDataGenerator, QueryLogger, SchemaRegistry, time_query

    registry = SchemaRegistry()
    generator = MockDataGenerator(registry)
    assert generator.generate_row("sample", "users")["name"]
    mock_data = generator.generate_related_rows("sample", "users", {"posts": {"count": 3, "fk_column": "user_id"}})
    assert {post["user_id"] for post in mock_data["posts"]} == {mock_data["users"][0]["id"]}

    logger = QueryLogger(slow_threshold_ms=50)

    class UserService:
        def __init__(self):
            self.query_logger = logger

        @time_query
        def get_user(self, user_id):
            pass

    UserService().get_user(5)
    stats = logger.get_stats()
    print(f"Average query time: {stats['performance']['avg_time']}ms")
    logger.print_summary()
    assert "===== Database Query Summary =====" in capsys.readouterr().out
