"""The middleware in real servers, and its log in the executable."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request

import pytest

from isobase.client import Client
from isobase.requests import RequestLog, RequestLogMiddleware, _Queue, _Report

from service import Service, free_port, wait_until

APP = '''
import asyncio
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from isobase.requests import RequestLogMiddleware

fast = FastAPI()


@fast.get("/users/{user}")
async def user(user: int):
    return {"user": user}


@fast.get("/broken")
async def broken():
    raise KeyError("a secret")


async def hello(request):
    return PlainTextResponse("hello")


star = Starlette(routes=[Route("/hello", hello), Route("/health", hello)])
for app, name in ((fast, "fast"), (star, "star")):
    app.add_middleware(RequestLogMiddleware, url="URL", service=name, flush_after=FLUSH_AFTER,
                       user=lambda scope: dict(scope["headers"]).get(b"x-user", b"").decode() or None)
'''


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("log") / "app") as service:
        yield service


class Server:
    """uvicorn with an application."""

    def __init__(self, folder, name, url, flush_after=0.05):
        (folder / "app.py").write_text(APP.replace("URL", url).replace("FLUSH_AFTER", str(flush_after)))
        self.url = f"http://127.0.0.1:{free_port()}"
        port = self.url.rsplit(":", 1)[1]
        command = [sys.executable, "-m", "uvicorn", f"app:{name}", "--port", port, "--log-level", "critical"]
        self._process = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})

    def get(self, path, **headers):
        try:
            return urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=30).status
        except urllib.error.HTTPError as error:
            return error.code

    def __enter__(self):
        def answers():
            assert self._process.poll() is None
            try:
                return self.get("/health") in (200, 404)
            except urllib.error.URLError:
                return False

        wait_until(answers, "uvicorn to answer")
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


def logged(service, name):
    with Client(service.url) as client:
        answer = client._do(_list(name))
    return {entry["endpoint"]: entry for entry in answer["requests"]}


def _list(name):
    from isobase.client._requests import Request

    return Request("GET", f"/api/v1/db/requests?service={name}&limit=100", lambda body, headers, status: body)


def test_requests_of_fastapi_are_in_the_log(service, tmp_path):
    with Server(tmp_path, "fast", service.url) as server:
        assert server.get("/users/7?token=hush", **{"x-user": "ann"}) == 200
        assert server.get("/users/none") == 422
        assert server.get("/broken") == 500
        wait_until(lambda: len(logged(service, "fast")) == 3, "three entries")
    entries = logged(service, "fast")
    seven = entries["/users/7"]
    assert (seven["method"], seven["status_code"], seven["user_identifier"]) == ("GET", 200, "ann")
    assert seven["duration_ms"] > 0 and seven["request_id"]
    assert entries["/users/none"]["status_code"] == 422
    broken = entries["/broken"]
    assert (broken["status_code"], broken["error"]) == (500, "KeyError")


def test_the_end_of_a_server_sends_what_waits(service, tmp_path):
    with Server(tmp_path, "star", service.url, flush_after=600) as server:
        for number in range(5):
            assert server.get(f"/hello?{number}") == 200
        assert logged(service, "star") == {}
    assert set(logged(service, "star")) == {"/hello"}


def test_reports_outlive_the_log(tmp_path):
    with Service(tmp_path / "app") as service, Server(tmp_path, "star", service.url) as server:
        assert server.get("/hello") == 200
        wait_until(lambda: logged(service, "star"), "an entry")
        service.stop(signal.SIGKILL)
        for number in range(20):
            assert server.get(f"/none/{number}") == 404
        service.start()
        wait_until(lambda: len(logged(service, "star")) == 21, "all entries")
        with Client(service.url) as client:
            assert client._do(_list("star"))["total"] == 21


def test_a_process_that_ends_sends_what_waits(service):
    script = f"""
    from isobase.requests import RequestLog
    log = RequestLog({service.url!r}, "ended", flush_after=600)
    for number in range(3):
        log.record(f"/{{number}}", "GET", status_code=200)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=120)
    assert set(logged(service, "ended")) == {"/0", "/1", "/2"}


def test_a_repeated_batch_is_there_once(service):
    log = RequestLog(service.url, "twice", flush_after=600)
    log.record("/a", "GET", status_code=200)
    report = log._queue.take(1)[0]
    import httpx

    with httpx.Client() as client:
        headers = {"content-type": "application/json"}
        client.headers.update(headers)
        assert log._send(client, [report]) and log._send(client, [report])
    with Client(service.url) as client:
        assert client._do(_list("twice"))["total"] == 1
    log.shut_down(0)


def test_a_log_that_refuses_is_counted(service):
    log = RequestLog(service.url, "refused", flush_after=0)
    log.record("/a", "x" * 21, status_code=200)
    log.record("/b", "GET", status_code=200)
    assert log.shut_down(30) == 0
    assert log.dropped == 1 and set(logged(service, "refused")) == {"/b"}
    with pytest.raises(TypeError, match="no field 'statuscode'"):
        log.record("/", "GET", statuscode=1) or log.record("/a", "GET", statuscode=1)
    with pytest.raises(TypeError, match="request_headers of a report is a dict of texts"):
        log.record("/a", "GET", request_headers={"retries": 3})


def test_room_is_made_in_a_fixed_order():
    def report(number, status, body=0):
        return _Report(number, {"endpoint": "", "status_code": status, "response_body": "x" * body})

    queue = _Queue(10, 3 * 300 + 1_000)
    assert [queue.push(report(*it)) for it in ((0, 500, 400), (1, 200, 400), (2, 201, 400))] == [0, 0, 0]
    assert "response_body" not in queue.successes[0].fields and "response_body" in queue.failures[0].fields
    assert queue.push(report(3, 502, 900)) == 2
    assert [report.number for report in queue.take(10)] == [0, 3] and queue.bytes == 0
    queue = _Queue(2, 1 << 20)
    assert sum(queue.push(report(number, 200)) for number in range(5)) == 3
    taken = queue.take(2)
    queue.push(report(5, 200))
    assert queue.push_front(taken) == 1
    assert [report.number for report in queue.take(10)] == [4, 5]


def test_no_request_waits_for_a_log_that_is_away():
    log = RequestLog(f"http://127.0.0.1:{free_port()}", "away", reports_max=100, flush_after=0.01)

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def send(message):
        pass

    middleware = RequestLogMiddleware(app, log=log)

    async def test():
        for number in range(1_000):
            await middleware({"type": "http", "path": f"/{number}", "method": "GET", "headers": []}, None, send)

    asyncio.run(test())
    left = log.shut_down(0.2)
    assert left <= 100 + log.batch and log.dropped + left == 1_000
    log._queue.take(1_000)


def test_headers_are_reported_without_credentials(service):
    log = RequestLog(service.url, "headers")

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", b"session=hush"), (b"vary", b"a")]})

    async def send(message):
        pass

    middleware = RequestLogMiddleware(app, log=log, headers=True)
    headers = [(b"authorization", b"Bearer hush"), (b"accept", b"a/b"), (b"accept", b"c/d")]
    asyncio.run(middleware({"type": "http", "path": "/a", "method": "GET", "headers": headers}, None, send))
    assert log.shut_down(30) == 0
    entry = logged(service, "headers")["/a"]
    assert entry["request_headers"] == {"accept": "a/b, c/d", "authorization": "[redacted]"}
    assert entry["response_headers"] == {"set-cookie": "[redacted]", "vary": "a"}


def test_a_child_has_a_log_of_its_own(service):
    log = RequestLog(service.url, "forked", flush_after=600)
    log.record("/parent", "GET", status_code=200)
    child = os.fork()
    if child == 0:
        log.record("/child", "GET", status_code=200)
        os._exit(0 if log.shut_down(30) == 0 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert set(logged(service, "forked")) == {"/child"}
    assert log.shut_down(30) == 0
    assert set(logged(service, "forked")) == {"/child", "/parent"}


def test_a_cancelled_request_is_no_failure_of_the_server(service):
    log = RequestLog(service.url, "cancelled", flush_after=600)
    waiting = asyncio.Event

    async def test():
        started = waiting()

        async def app(scope, receive, send):
            started.set()
            await asyncio.Event().wait()

        middleware = RequestLogMiddleware(app, log=log)
        task = asyncio.ensure_future(middleware({"type": "http", "path": "/slow", "method": "GET"}, None, None))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    began = time.time()
    asyncio.run(test())
    assert log.shut_down(30) == 0
    entry = logged(service, "cancelled")["/slow"]
    assert (entry["status_code"], entry["error"]) == (None, "CancelledError")
    assert entry["timestamp"][:10] in {time.strftime("%Y-%m-%d", time.gmtime(moment)) for moment in (began, time.time())}
