"""Programs that call the package: Celery's worker, uvloop, forked children."""

import asyncio
import multiprocessing
import subprocess
import sys

from isobase.database import DBConnector, TestTransactionManager

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
