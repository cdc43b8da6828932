"""The document store on every engine of the build, and as FastAPI, threads, event loops and children use it."""

import asyncio
import decimal
import os
import subprocess
import sys
import textwrap
import threading
import uuid

import pytest

from isobase.database import DBConnector
from isobase.documents import (
    AsyncDatabaseService, DatabaseService, DocumentConflict, DocumentNotFound, InvalidDocument, IsobaseDatabaseService,
    OpenError, Settings, UnknownSetting, close_database_service, get_database_service, register_provider, shim,
)

from service import free_port


def _url(engine, folder, databases, monkeypatch):
    name = f"docs_{uuid.uuid4().hex[:12]}"

    def server(variable):
        url = os.environ.get(variable)
        if url is None:
            if os.environ.get("ISOBASE_TEST_REQUIRE_ALL") == "1":
                raise RuntimeError(f"{variable} is not set: start with cargo xtask test")
            pytest.skip(f"{variable} is not set: start with cargo xtask test")
        return url.split(",")[0]

    if engine == "memory":
        return "memory:"
    if engine == "sqlite":
        return f"sqlite://{folder}/docs.db"
    if engine == "postgres":

        async def create():
            async with DBConnector(databases[0]) as db:
                await db.execute(f"CREATE DATABASE {name}")

        asyncio.run(create())
        return databases[0].rsplit("/", 1)[0] + "/" + name
    if engine == "couchdb":
        address = server("ISOBASE_TEST_COUCHDB_URL").rstrip("/").partition("://")[2]
        return f"couchdb://{address}/{name}_"
    if engine == "dynamodb":
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(variable, "test")
        return f"dynamodb://us-east-1/{name}_?endpoint={server('ISOBASE_TEST_DYNAMODB_URL')}"
    host = server("ISOBASE_TEST_FIRESTORE_HOSTS").rpartition("=")[2]
    return f"firestore://test/(default)?prefix={name}-&emulator={host}"


@pytest.fixture(params=["memory", "sqlite", "postgres", "couchdb", "dynamodb", "firestore"])
def url(request, tmp_path, databases, monkeypatch):
    """A new database; engines that the build has not are left out, and say which feature brings them."""
    url = _url(request.param, tmp_path, databases, monkeypatch)
    if request.param in ("dynamodb", "firestore"):
        try:
            IsobaseDatabaseService(url).close()
        except UnknownSetting as error:
            assert "cargo xtask python --cloud" in str(error)
            assert not {os.environ.get("ISOBASE_TEST_SOAK"), os.environ.get("ISOBASE_TEST_CLOUD_WHEEL")} & {"1", "true"}
            pytest.skip("this wheel was built without the cloud engines")
    return url


def test_documents_go_round(url):
    with IsobaseDatabaseService(url) as db:
        saved = db.save("agents", "a:1/é", {"name": "A", "price": 1.5, "tags": [None, True], "_rev": None})
        assert saved["_id"] == saved["id"] == "a:1/é" and saved["rev"] == saved["_rev"]
        read = db.get("agents", "a:1/é")
        assert read == {"name": "A", "price": 1.5, "tags": [None, True], "_id": "a:1/é", "_rev": saved["rev"]}
        again = db.save("agents", "a:1/é", {**read, "name": "B"})
        with pytest.raises(DocumentConflict):
            db.save("agents", "a:1/é", {**read, "name": "C"})
        assert db.get("agents", "a:1/é")["name"] == "B" and again["rev"] != saved["rev"]
        with pytest.raises(DocumentNotFound) as caught:
            db.get("agents", "nobody")
        assert (caught.value.status_code, caught.value.detail) == (404, "Document 'nobody' not found in 'agents'")
        outcomes = db.save_many("agents", [{"_id": "b", "kind": "x", "n": 1}, {"n": 2}, {"_id": "c", "kind": "x"}])
        assert [outcome["ok"] for outcome in outcomes] == [True, False, True]
        assert outcomes[1] == {"ok": False, "id": None, "error": "missing _id"}
        assert [one["_id"] for one in db.list_all("agents")] == sorted(["a:1/é", "b", "c"])
        assert db.find("agents", {"kind": "x", "n": None}, fields=["kind"]) == [{"kind": "x", "_id": "c"}]
        assert list(db.get_many("agents", ["c", "none"]).items())[1] == ("none", None)
        assert db.delete("agents", "b") is True and db.delete("agents", "b") is False
        assert db.delete_many("agents", ["c", "none"]) == [{"ok": True, "id": "c"}, {"ok": True, "id": "none"}]
        assert db.list_all("unknown") == []
        for wrong in ({"n": float("nan")}, [1], {"_rev": [1]}):
            with pytest.raises(ValueError):
                db.save("agents", "w", wrong)
        with pytest.raises(InvalidDocument):
            db.save("agents", "", {})


def test_numbers_keep_their_digits_when_asked(tmp_path):
    with IsobaseDatabaseService(f"sqlite://{tmp_path}/a.db", exact_numbers=True) as db:
        value = {"n": decimal.Decimal("0.1234567890123456789012345678"), "big": 10**60}
        db.save("d", "a", value)
        assert {name: db.get("d", "a")[name] for name in value} == value


def test_an_awaited_service_serves_several_loops(tmp_path):
    async def make():
        return await AsyncDatabaseService.open(f"sqlite://{tmp_path}/a.db")

    db = asyncio.run(make())

    async def many(part):
        await asyncio.gather(*(db.save("d", f"{part}-{n}", {"n": n}) for n in range(20)))
        with pytest.raises(DocumentNotFound):
            await db.get("d", "none")
        return len(await db.list_all("d"))

    assert [asyncio.run(many(part)) for part in range(2)] == [20, 40]
    assert asyncio.run(db.delete("d", "0-0")) is True
    asyncio.run(db.close())


def test_threads_write_beside_each_other():
    db = IsobaseDatabaseService("memory:")
    lost = []

    def count():
        for _ in range(20):
            while True:
                document = db.get("d", "counter")
                try:
                    db.save("d", "counter", {**document, "n": document["n"] + 1})
                    break
                except DocumentConflict:
                    lost.append(1)

    db.save("d", "counter", {"n": 0})
    threads = [threading.Thread(target=count) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.get("d", "counter")["n"] == 100


def test_an_interpreter_ends_after_its_last_answer():
    """The thread that brought the answer was still in Python, and took the process down with it."""
    code = textwrap.dedent("""
        import asyncio, atexit

        async def use():
            db = await AsyncDatabaseService.open("memory:")
            await db.save("d", "a", {})

        atexit.register(lambda: asyncio.run(use()))
        from isobase.documents import AsyncDatabaseService
        asyncio.run(use())
    """)
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]


class Own(DatabaseService):
    def __init__(self, settings):
        self.documents = {}

    def get(self, db_name, doc_id):
        if (db_name, doc_id) not in self.documents:
            raise DocumentNotFound(f"{doc_id} is not there")
        return {**self.documents[db_name, doc_id], "_id": doc_id}

    def save(self, db_name, doc_id, doc):
        self.documents[db_name, doc_id] = doc
        return {**doc, "_id": doc_id}

    def delete(self, db_name, doc_id):
        self.documents.pop((db_name, doc_id), None)

    def list_all(self, db_name):
        return [self.get(name, doc_id) for name, doc_id in self.documents if name == db_name]


@pytest.fixture
def no_variables(monkeypatch):
    from isobase.documents.settings import NAMES

    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    close_database_service()
    yield monkeypatch
    close_database_service()


def test_settings_choose_the_engine(no_variables, tmp_path):
    db = get_database_service(Settings())
    assert db.engine == "memory" and get_database_service() is db
    close_database_service()
    no_variables.setenv("RECORDS_URL", f"sqlite://{tmp_path}/a.db")
    assert get_database_service(Settings()).engine == "sqlite"
    close_database_service()
    for settings, words in (
        ({"DATABASE_PROVIDER": "xyz"}, "Unknown database provider: xyz"),
        ({"DATABASE_PROVIDER": "couchdb", "COUCHDB_URL": "http://x"}, "missing: COUCHDB_USER, COUCHDB_PASSWORD"),
        ({"RECORDS_URL": "mysql://x"}, "no engine has URLs"),
    ):
        with pytest.raises(ValueError, match=words):
            get_database_service(Settings(**{"RECORDS_URL": None, **settings}))
    down = {"COUCHDB_URL": f"http://127.0.0.1:{free_port()}", "COUCHDB_USER": "u", "COUCHDB_PASSWORD": "hush"}
    with pytest.raises(ConnectionError) as caught:
        get_database_service(Settings(RECORDS_URL=None, DATABASE_PROVIDER="couchdb", **down))
    assert "hush" not in str(caught.value)
    with pytest.raises(TypeError):
        Settings(PROVIDER="memory")


def test_services_of_ones_own_are_registered(no_variables):
    register_provider("mydb", Own)
    db = get_database_service(Settings(DATABASE_PROVIDER="MyDB"))
    db.save("d", "a", {"kind": "x"})
    outcomes = db.save_many("d", [{"_id": "b", "kind": "x"}, {}])
    assert [outcome["ok"] for outcome in outcomes] == [True, False]
    assert db.find("d", {"kind": "x"}, ["n"], limit=1) == [{"n": None, "_id": "a"}]
    assert db.get_many("d", ["b", "c"]) == {"b": {"_id": "b", "kind": "x"}, "c": None}
    assert db.delete_many("d", ["a", "c"]) == [{"ok": True, "id": "a"}, {"ok": True, "id": "c"}]
    with pytest.raises(TypeError):
        DatabaseService()


def test_a_file_has_one_process(tmp_path):
    url = f"sqlite://{tmp_path}/a.db"
    with IsobaseDatabaseService(url) as db:
        db.save("d", "a", {"n": 1})
        code = f"from isobase.documents import *; IsobaseDatabaseService({url!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "is in use by process" in done.stderr, done.stderr
    with IsobaseDatabaseService(url) as db:
        assert db.get("d", "a")["n"] == 1


def test_a_misspelt_path_is_no_empty_database(tmp_path, no_variables):
    for path in (f"{tmp_path}/nothing/x.db", f"{tmp_path}/a/b/x.db"):
        with pytest.raises(OpenError, match="does not exist"):
            IsobaseDatabaseService(f"sqlite://{path}")
    assert list(tmp_path.iterdir()) == []
    no_variables.chdir(tmp_path)
    IsobaseDatabaseService("sqlite:x.db").close()
    # The usual place is made.
    IsobaseDatabaseService(settings={"DATABASE_PROVIDER": "sqlite"}).close()
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["x.db"] and (tmp_path / "data").is_dir()


def test_a_child_opens_by_itself(no_variables):
    db = get_database_service()
    db.save("d", "a", {})
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                db.get("d", "a")
            except OpenError:
                own = get_database_service()
                own.save("d", "b", {})
                status = 0 if [one["_id"] for one in own.list_all("d")] == ["b"] else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert [one["_id"] for one in db.list_all("d")] == ["a"]


def test_a_killed_process_keeps_what_was_saved(tmp_path):
    url = f"sqlite://{tmp_path}/a.db"
    code = textwrap.dedent(f"""
        import os, signal
        from isobase.documents import IsobaseDatabaseService
        db = IsobaseDatabaseService({url!r})
        for n in range(50):
            db.save("d", str(n), {{"n": n}})
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == -9
    with IsobaseDatabaseService(url) as db:
        assert len(db.list_all("d")) == 50


def test_fastapi_answers_404(no_variables, tmp_path):
    shim.write(tmp_path)
    code = textwrap.dedent("""
        from fastapi import FastAPI, HTTPException
        from fastapi.testclient import TestClient
        from config import Settings
        from services.database_service import get_database_service
        from services.database_service.base import DatabaseService

        db = get_database_service(Settings())
        assert isinstance(db, DatabaseService)
        app = FastAPI()

        @app.get("/agents/{agent}")
        def agent(agent: str):
            return db.get("agents", agent)

        db.save("agents", "agent-id", {"name": "MyAgent"})
        client = TestClient(app)
        assert client.get("/agents/agent-id").json()["name"] == "MyAgent"
        missing = client.get("/agents/none")
        assert missing.status_code == 404
        assert missing.json() == {"detail": "Document 'none' not found in 'agents'"}
        try:
            db.get("agents", "none")
        except HTTPException as error:
            assert error.status_code == 404 and "not found" in str(error)
    """)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
