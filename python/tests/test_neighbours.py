"""Programs that call the package: Celery's worker, uvloop, trio, several loops, forked children."""

import asyncio
import concurrent.futures
import multiprocessing
import subprocess
import sys

import anyio
import pytest

from isobase.database import ColumnMatchError, DBConnector, DBOperator, TestTransactionManager
from isobase.documents import AsyncDatabaseService

APP = '''
from celery import Celery, shared_task
from isobase.database import with_db_connection

app = Celery("app", broker="filesystem://", backend="file://{folder}/results")
app.conf.broker_transport_options = {{
    "data_folder_in": "{folder}/queue", "data_folder_out": "{folder}/queue", "control_folder": "{folder}/control",
}}


@shared_task(name="process")
@with_db_connection
async def process(conn, name):
    await conn.execute("INSERT INTO users (name) VALUES ($1)", name)
    return await conn.fetch_val("SELECT count(*) FROM users WHERE name = $1", name)


app.set_current()
'''


def test_a_worker_of_celery_runs_async_tasks(tables, tmp_path):
    for folder in ("results", "queue", "control"):
        (tmp_path / folder).mkdir()
    (tmp_path / "app.py").write_text(APP.format(folder=tmp_path))
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "app", "worker", "--pool=solo", "--loglevel=ERROR",
         "--without-gossip", "--without-mingle", "--without-heartbeat"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        ask = "from app import process; print(process.delay('by celery').get(timeout=60))"
        done = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout.strip() == "1", done.stderr
    finally:
        worker.terminate()
        worker.wait()


def test_uvloop_works_as_well(databases):
    import uvloop

    async def test():
        async with DBConnector() as db:
            return await asyncio.gather(*(db.fetch_val("SELECT $1::int", n) for n in range(20)))

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(test()) == list(range(20))
    finally:
        loop.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio_cancels_at_any_point(tables, backend):
    """In a cancelled scope every wait ends at once, that of the rollback too."""

    name = f"cancelled_{backend}"

    async def write(db, reached=None, point=None):
        def come(here):
            if here == point:
                reached.set()

        come(0)
        async with db.transaction() as conn:
            for number in range(3):
                come(1 + number)
                await conn.execute("INSERT INTO users (name) VALUES ($1)", name)
            come(4)

    async def test():
        async with DBConnector(max_size=2) as db:
            for point in range(5):
                for turns in range(4):
                    async with anyio.create_task_group() as group:
                        reached = anyio.Event()
                        group.start_soon(write, db, reached, point)
                        await reached.wait()
                        for _ in range(turns):
                            await anyio.sleep(0)
                        group.cancel_scope.cancel()
            # Both connections are free, and what was begun is over.
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(db.fetch_val, "SELECT 1")
            open_ones = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state <> 'idle'"
            )
            with anyio.fail_after(60):
                while await db.fetch_val(open_ones):
                    await anyio.sleep(0.01)
            await write(db)
            written = await db.fetch_val("SELECT count(*) FROM users WHERE name = $1", name)
            assert written and written % 3 == 0, "a transaction was written in part"

    anyio.run(test, backend=backend)


def test_operators_await_on_trio(tables):
    async def test():
        db = DBOperator(test_mode="e2e")
        row = await db.insert("users", {"name": "by trio"})
        with pytest.raises(ColumnMatchError):
            await db.fetch("users", {"nmae": "x"})
        assert await db.delete("users", {"id": row["id"]}) == 1
        await db.close()
        store = await AsyncDatabaseService.open("memory:")
        await store.save("d", "a", {"n": 1})
        assert (await store.get("d", "a"))["n"] == 1

    anyio.run(test, backend="trio")


def test_loops_of_several_threads_share_a_connector(tables):
    db = DBConnector(max_size=3)

    async def many():
        return await asyncio.gather(*(db.fetch_val("SELECT $1::int", n) for n in range(30)))

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(lambda: asyncio.run(many())) for _ in range(8)]
        assert all(answer.result(60) == list(range(30)) for answer in answers)
    asyncio.run(db.close())


def test_a_loop_that_ends_leaves_nothing_open(tables):
    """Statements whose loop is gone are stopped, and their connections come back."""
    db = DBConnector(max_size=1)

    async def leave():
        asyncio.ensure_future(db.execute("SELECT pg_sleep(100)"))
        await asyncio.sleep(0)

    for _ in range(3):
        asyncio.run(leave())
        assert asyncio.run(db.fetch_val("SELECT 1")) == 1
    asyncio.run(db.close())


def _in_child(answers):
    with TestTransactionManager() as txn:
        answers.put(txn.fetch_val("SELECT 7"))


def test_forked_children_connect_by_themselves(databases):
    with TestTransactionManager() as txn:
        assert txn.fetch_val("SELECT 1") == 1
        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        child = context.Process(target=_in_child, args=(answers,))
        child.start()
        assert answers.get(timeout=30) == 7
        child.join(30)
        assert child.exitcode == 0
        assert txn.fetch_val("SELECT 2") == 2


PARALLEL = """
import pytest
from isobase.database import DBOperator


@pytest.mark.parametrize("n", range(4))
def test_commits_do_not_meet(isobase_database, n):
    db = DBOperator(test_mode="e2e")
    before = db.count("users", {"name": "parallel"})
    db.insert("users", {"name": "parallel"})
    assert db.count("users", {"name": "parallel"}) == before + 1
    assert before < 4
    db.close()
"""


def test_parallel_tests_have_databases_of_their_own(tables, tmp_path):
    (tmp_path / "test_parallel.py").write_text(PARALLEL)
    arguments = ["-q", "-n", "2", "-p", "no:cacheprovider", "test_parallel.py"]
    done = subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with TestTransactionManager() as txn:
        assert txn.fetch_val("SELECT count(*) FROM users WHERE name = 'parallel'") == 0
