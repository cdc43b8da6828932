"""Every block of the specification of the toolkit, taken from its text and run as its reader would.

The specification lies beside a checkout that develops the package; elsewhere these tests are skipped.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import types
import uuid

import pytest

from isobase.database import DatabaseSyncManager, DBConnector, shim

from conftest import NEWEST, variables

ROOT = pathlib.Path(__file__).parents[2]
PAGE = pathlib.Path(os.environ.get("ISOBASE_TEST_SPECIFICATIONS", ROOT.parent / "shared" / "spec")) / "3-sql-toolkit.md"
ID = "550e8400-e29b-41d4-a716-446655440000"

if not PAGE.is_file():
    pytest.skip(f"the specification is not at {PAGE}", allow_module_level=True)


@dataclasses.dataclass
class Block:
    """A block of the page. ``then`` follows it, and holds what its reader would do and see next."""

    first: str
    given: str = ""
    then: str = ""
    sql: str = ""


FRAGMENT = {
    "Column 'userId' not found in table 'users'. Available columns: id, name, email, created_at. ":
        "a message whose suggestion is not among its own columns; test_operator.py has the messages",
}
IMPORTS = "import uuid\nfrom services.database import *\n"
TEXT_IDS = """DROP TABLE public.projects CASCADE;
CREATE TABLE public.projects (id text PRIMARY KEY, name text NOT NULL, description text, status text,
    created_at timestamptz DEFAULT now(), updated_at timestamptz, metadata jsonb DEFAULT '{}',
    parent_project_id text, tag text);"""
PYTHON = [
    Block("# Create a connector", IMPORTS + "user_id = 1", "assert result['name'] == 'John'\nawait db.close()"),
    Block("# Create an operator", IMPORTS,
          "assert user['name'] == 'John' and new_user['email'] == 'jane@example.com'\nawait db.close()"),
    Block("# Transaction with DBConnector",
          IMPORTS + "db_connector = DBConnector()\ndb_operator = DBOperator()",
          "assert await db_operator.count('users') == 4\nawait db_connector.close()\nawait db_operator.close()"),
    Block("from services.database import with_db_connection", "",
          "assert await process_data(7) == {'id': 7, 'processed': False}\n"
          "assert (await process_data(7))['processed']"),
    Block("from celery import shared_task", "result = 'done'",
          "assert process_task.apply(args=(1, {})).get() == 'done'"),
    Block("from services.database.db_operator import DBOperator", "",
          f"user, new_record = await get_user_data()\nassert str(user['uuid']) == '{ID}'\n"
          "assert new_record['title'] == 'New Content'"),
    Block("from services.database.schema_setup import SchemaSetup", "", "await setup_project()"),
    Block("from services.database.db_operator import DBOperator", "import uuid",
          "await setup_test_environment()\ndb = DBOperator()\n"
          "assert [row['id'] for row in await db.fetch('projects')] == ['source-project-id']\nawait db.close()",
          TEXT_IDS),
    Block("from services.database.db_operator import DBOperator", "",
          "await transfer_data(1, 2, 30)\ndb = DBOperator()\n"
          "assert (await db.get_by_column('accounts', 'user_id', 2))['balance'] == 30\nawait db.close()"),
    Block("from services.database import DBOperator", "", "assert user['name'] == 'John Doe'"),
    Block("from services.database import SchemaSetup", "", "assert all(verification.values())"),
    Block("from services.database import TestTransactionManager", "",
          "with TestTransactionManager() as txn:\n    assert txn.fetch_val('SELECT count(*) FROM users') == 1"),
    Block("from services.database import SchemaRegistry, MockDataGenerator", "",
          "assert {post['user_id'] for post in mock_data['posts']} == {mock_data['users'][0]['id']}"),
    Block("from services.database import QueryLogger, time_query", "",
          "UserService().get_user(5)\nassert logger.get_stats()['count'] == 1"),
    Block("from services.database import DatabaseSyncManager", "",
          "import subprocess\nlog = subprocess.run(['git', 'log', '-1', '--format=%s'], capture_output=True, text=True)\n"
          "assert log.stdout.strip() == 'Update database state'"),
]
#: Blocks that are files of tests.
TESTS = [
    Block("import pytest"),
    Block("import pytest", sql='CREATE SCHEMA "schema"; CREATE TABLE "schema"."table" (id serial PRIMARY KEY, key text);'),
]
TABLES = f"""
CREATE TABLE users (id serial PRIMARY KEY, uuid uuid UNIQUE DEFAULT gen_random_uuid(), name text NOT NULL,
    email text UNIQUE, role text, username text);
CREATE TABLE profiles (user_id int REFERENCES users);
CREATE TABLE posts (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text);
CREATE TABLE accounts (user_id int PRIMARY KEY, balance int CHECK (balance >= 0));
CREATE TABLE data (id int PRIMARY KEY, processed boolean DEFAULT false);
INSERT INTO users (uuid, name, username) VALUES ('{ID}', 'John', 'john.doe');
INSERT INTO accounts VALUES (1, 100), (2, 0);
INSERT INTO data VALUES (7, false);
"""


def _blocks():
    found = re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    of = {"": [], "python": [], "bash": []}
    for language, text in found:
        of[language].append(text)
    tests = [text for text in of["python"] if re.search(r"^ *def test_", text, re.M)]
    return [text for text in of["python"] if text not in tests], tests, of["bash"], of[""]


SAMPLES, TEST_FILES, COMMANDS, PLAIN = _blocks()


def test_every_block_is_known():
    assert [text.split("\n")[0] for text in SAMPLES] == [block.first for block in PYTHON]
    assert [text.split("\n")[0] for text in TEST_FILES] == [block.first for block in TESTS]
    trees = [text for text in PLAIN if text.startswith("services/database/\n")]
    assert {text.split("\n")[0] for text in PLAIN if text not in trees} == set(FRAGMENT)
    assert len(trees) == 2 and len(COMMANDS) == 4


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    """The package ``services.database``."""
    folder = tmp_path_factory.mktemp("shim")
    shim.write(folder)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="module", params=["usual", "newest"])
def server(request, databases):
    """The server that the variables name, and the newest one."""
    if request.param == "usual":
        return databases[0].rsplit("/", 1)[0]
    if NEWEST is None:
        if os.environ.get("ISOBASE_TEST_REQUIRE_ALL") == "1":
            raise RuntimeError("ISOBASE_TEST_POSTGRES_VERSIONS is not set: start with cargo xtask test")
        pytest.skip("there is one PostgreSQL only: start with cargo xtask test")
    return NEWEST.rsplit("/", 1)[0]


@pytest.fixture(scope="module")
def template(server):
    """A database with the tables that the samples speak of."""
    name = f"toolkit_py_template_{uuid.uuid4().hex[:12]}"

    async def create():
        from isobase.database import SchemaSetup

        async with DBConnector(server + "/postgres") as db:
            await db.execute(f"CREATE DATABASE {name}")
        async with DBConnector(f"{server}/{name}") as db:
            await db.run_sql_script(TABLES)
            setup = SchemaSetup(db)
            await setup.ensure_project_schema("b2b_saas")

    asyncio.run(create())
    return server, name


@pytest.fixture
def place(request, number, services, template, tmp_path, monkeypatch):
    """A working directory on this machine, and a production and a test database, for one block. The other
    machine is there for those that name one."""
    server, name = template
    texts = {
        test_samples_run: SAMPLES, test_files_of_tests_pass: TEST_FILES, test_command_lines_run: COMMANDS,
    }[request.function]
    machine = request.getfixturevalue("machine") if re.search(r"\buser@\w+", texts[number]) else None
    mark = uuid.uuid4().hex[:12]
    names = {"": f"toolkit_py_block_{mark}", "TEST_": f"toolkit_py_block_test_{mark}"}

    async def create():
        async with DBConnector(server + "/postgres") as db:
            for database in names.values():
                await db.execute(f"CREATE DATABASE {database} TEMPLATE {name}")

    asyncio.run(create())
    for prefix, database in names.items():
        for variable, value in variables(f"{server}/{database}", prefix).items():
            monkeypatch.setenv(variable, value)
    monkeypatch.setenv("ISOBASE_CONFIRM_PRODUCTION", names[""])
    monkeypatch.setenv("PATH", f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(services))
    for variable, value in (machine.variables if machine else {}).items():
        monkeypatch.setenv(variable, value)
    folder = (machine.here if machine else tmp_path) / mark
    (folder / "tests" / "data").mkdir(parents=True)
    (folder / "tests" / "data" / "seed_projects.json").write_text(json.dumps([{"id": ID, "name": "seeded"}]))
    (folder / "services").symlink_to(services / "services")
    monkeypatch.chdir(folder)
    yield Place(folder, names, f"{server}/{names['']}", machine.there / mark if machine else None)
    # What a block has left connected goes with its databases.
    asyncio.run(_drop(server, names.values()))


async def _drop(server, names):
    async with DBConnector(server + "/postgres") as db:
        for name in names:
            await db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclasses.dataclass
class Place:
    folder: pathlib.Path
    names: dict
    url: str
    #: The same folder on the other machine, if there is one.
    elsewhere: pathlib.Path | None

    def prepare(self, sql):
        async def run():
            for database in self.names.values():
                async with DBConnector(self.url.rsplit("/", 1)[0] + "/" + database) as db:
                    await db.run_sql_script(sql)

        if sql:
            asyncio.run(run())

    def with_repository(self):
        """The folder is a git repository that has a remote; the other machine has dumps of its own."""
        remote = self.folder.parent / f"{self.folder.name}.git"
        for arguments in (
            ["init", "--quiet", "--bare", str(remote)],
            ["init", "--quiet", "--initial-branch=main", "."],
            ["config", "user.name", "Reader"],
            ["config", "user.email", "reader@example.com"],
            ["remote", "add", "origin", str(remote)],
        ):
            subprocess.run(["git", *arguments], check=True, cwd=self.folder)
        if self.elsewhere is not None:
            DatabaseSyncManager(self.folder).dump_all()
            self.elsewhere.mkdir()
            (self.folder / "db_dumps").rename(self.elsewhere / "db_dumps")
        return remote


def _run(code, names):
    code = compile(code, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return types.FunctionType(code, names)()


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_samples_run(place, number):
    block, text = PYTHON[number], SAMPLES[number]
    if block.sql:
        place.prepare(block.sql)
        seeds = place.folder / "tests" / "data" / "seed_projects.json"
        seeds.write_text(json.dumps([{"id": "source-project-id", "name": "seeded"}]))
    if "DatabaseSyncManager" in text:
        place.with_repository()
    names = {"__name__": "sample", "__builtins__": builtins}

    async def in_loop():
        for part in (block.given, text, block.then):
            result = _run(part, names)
            if asyncio.iscoroutine(result):
                await result

    if any("await " in part for part in (block.given, text, block.then)) and "celery" not in text:
        asyncio.run(in_loop())
    else:
        for part in (block.given, text, block.then):
            _run(part, names)


@pytest.mark.parametrize("number", range(len(TESTS)))
def test_files_of_tests_pass(place, number):
    place.prepare(TESTS[number].sql)
    (place.folder / "test_block.py").write_text(TEST_FILES[number])
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_block.py"]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("number", range(len(COMMANDS)))
def test_command_lines_run(place, number):
    remote = place.with_repository()
    lines = [line for line in COMMANDS[number].splitlines() if line and not line.startswith("#")]
    assert lines
    for line in lines:
        # The name of the production database is there to be filled in.
        line = line.replace("--db-name=db_name", f"--db-name={place.names['']}")
        done = subprocess.run(line, shell=True, capture_output=True, text=True)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    if any("--push-after-commit" in line for line in lines):
        files = subprocess.run(["git", "ls-tree", "-r", "--name-only", "main"], cwd=remote, capture_output=True, text=True)
        assert "db_dumps/prod_db_latest.sql" in files.stdout


def test_directories_are_as_shown(services):
    for tree in PLAIN:
        if not tree.startswith("services/database/\n"):
            continue
        folders = [services]
        for line in tree.splitlines():
            drawing, name = re.match(r"^([\s│├└─]*)([\w./]+)", line).groups()
            # Four columns for each step down, behind an indentation of two at most.
            del folders[len(drawing) // 4 + 1 :]
            path = folders[-1] / name
            assert path.exists(), line
            folders.append(path)
