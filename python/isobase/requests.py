"""Reports the requests of a service to the request log, beside the way of its callers:
``pip install isobase[client]``.

:class:`RequestLogMiddleware` is for any ASGI application. A request only takes its place in a queue that is
bounded by number and bytes; one thread sends what waits. When the log cannot be reached, reports wait and are
sent again, each with the id and the time it has had from the beginning, so that none is there twice. When there is no
room, bodies of the oldest successes go first, then the oldest successes, and failures last; what goes is
counted.
"""

from __future__ import annotations

import atexit
import collections
import datetime
import decimal
import itertools
import logging
import math
import os
import random
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any

try:
    import anyio.to_thread
    import httpx
except ImportError as error:
    raise ImportError("isobase.requests needs httpx: pip install 'isobase[client]'") from error

from isobase import _json

__all__ = ["RequestLog", "RequestLogMiddleware"]

_log = logging.getLogger(__name__)

#: Bytes of a report in the queue beside its texts.
_REPORT_BYTES = 300
_PAUSE_FIRST_S = 0.5
_PAUSE_MAX_S = 30.0
#: Statuses after which the same batch may be taken later.
_TRY_AGAIN = frozenset({401, 403, 408, 429})
_IGNORED = frozenset({"/", "/health", "/docs", "/redoc", "/openapi.json"})
_BODIES = ("request_body", "response_body")
_TEXTS = ("endpoint", "user_identifier", "error", "correlation_id", "key_id", "model", *_BODIES)
_MEASURES = ("duration_ms", "input_tokens", "output_tokens", "cost", "first_token_ms")
_HEADERS = ("request_headers", "response_headers")
_FIELDS = frozenset({"method", "status_code", *_MEASURES, *_TEXTS, *_HEADERS})
#: Headers whose values do not leave the process.
_SECRETS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})

#: Reports of gaps that wait while the log is away; each tells of one more try.
_GAPS_MAX = 100

#: Logs of this process, for its end and its children.
_logs: weakref.WeakSet[RequestLog] = weakref.WeakSet()


class _Report:
    __slots__ = ("bytes", "fields", "is_success", "number", "waits")

    def __init__(self, number, fields):
        self.number = number
        self.fields = fields
        self.bytes = _REPORT_BYTES + sum(len(fields.get(name) or "") for name in _TEXTS)
        for name in _HEADERS:
            self.bytes += sum(len(header) + len(value) for header, value in (fields.get(name) or {}).items())
        status = fields.get("status_code")
        self.is_success = fields.get("error") is None and status is not None and status < 400
        self.waits = True

    def has_bodies(self):
        """Whether it is a success with bodies: those go first."""
        return self.is_success and any(name in self.fields for name in _BODIES)

    def strip(self):
        """Leaves the bodies out; gives how many bytes that are."""
        freed = sum(len(self.fields.pop(name, None) or "") for name in _BODIES)
        self.bytes -= freed
        return freed


class _Queue:
    """Reports that wait, within bounds. Successes and failures wait apart, so that making room looks at the
    ends only."""

    def __init__(self, reports_max, bytes_max):
        self.reports_max, self.bytes_max = reports_max, bytes_max
        self.bytes = 0
        self.successes: collections.deque[_Report] = collections.deque()
        self.failures: collections.deque[_Report] = collections.deque()
        # Successes that have bodies, the oldest first.
        self.with_bodies: collections.deque[_Report] = collections.deque()

    def __len__(self):
        return len(self.successes) + len(self.failures)

    def push(self, report):
        """Puts a report at the end; gives how many had to go."""
        report.waits = True
        self.bytes += report.bytes
        (self.successes if report.is_success else self.failures).append(report)
        if report.has_bodies():
            self.with_bodies.append(report)
        return self._make_room()

    def push_front(self, reports):
        """Puts back what could not be sent; gives how many had to go."""
        for report in reversed(reports):
            report.waits = True
            self.bytes += report.bytes
            (self.successes if report.is_success else self.failures).appendleft(report)
        self.with_bodies = collections.deque(report for report in self.successes if report.has_bodies())
        return self._make_room()

    def take(self, most):
        """The oldest, in their order."""
        taken = []
        while len(taken) < most and (self.successes or self.failures):
            first = self.failures
            if self.successes and not (first and first[0].number < self.successes[0].number):
                first = self.successes
            taken.append(self._remove(first))
        while self.with_bodies and not self.with_bodies[0].waits:
            self.with_bodies.popleft()
        return taken

    def _remove(self, end):
        report = end.popleft()
        report.waits = False
        self.bytes -= report.bytes
        return report

    def _make_room(self):
        while self.bytes > self.bytes_max and self.with_bodies:
            report = self.with_bodies.popleft()
            if report.waits:
                self.bytes -= report.strip()
        gone = 0
        while self.bytes > self.bytes_max or len(self) > self.reports_max:
            self._remove(self.successes or self.failures)
            gone += 1
        return gone


class RequestLog:
    """A queue of reports and the thread that sends them. Threads and event loops may share one.

    ``url`` is that of the service that keeps the log, ``service`` the name of this one in it. ``flush_after``
    and ``deadline`` are seconds: how long a report waits for others, and how long an answer may take.
    """

    def __init__(
        self,
        url: str,
        service: str,
        *,
        api_key: str | None = None,
        reports_max: int = 2_048,
        bytes_max: int = 8 << 20,
        batch: int = 256,
        flush_after: float = 1.0,
        deadline: float = 3.0,
        ignored: Iterable[str] = _IGNORED,
    ):
        if not service:
            raise ValueError("service is empty: it is the name of this service in the log")
        if not 1 <= batch <= 1_000:
            raise ValueError(f"batch is {batch}: expected 1 to 1000")
        self.url = url.rstrip("/") + "/api/v1/db/requests/batch"
        self.service = service
        self.ignored = frozenset(ignored)
        self.batch, self.flush_after, self.deadline = batch, flush_after, deadline
        self._headers = {"content-type": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._bounds = (reports_max, bytes_max)
        self._dropped = 0
        self._begin()
        _logs.add(self)

    def _begin(self):
        # Held for no longer than it takes to move reports. The thread waits on it.
        self._changed = threading.Condition()
        self._queue = _Queue(*self._bounds)
        self._sending = 0
        self._thread: threading.Thread | None = None
        self._closing = False
        # Dropped reports that the log was told of, or is told of by the gaps that wait.
        self._told = self._dropped
        self._dropped_at: float | None = None
        self._gaps: list[_Report] = []
        self._numbers = itertools.count()
        #: Tells this process from others, and from an earlier one.
        self._process = secrets.token_hex(8)

    @property
    def dropped(self) -> int:
        """How many reports had to go because there was no room, or were refused by the log."""
        return self._dropped

    @property
    def waiting(self) -> int:
        """How many are not sent yet."""
        return len(self._queue) + self._sending

    def record(self, endpoint: str, method: str, *, at: float | None = None, **fields: Any) -> None:
        """Puts a report into the queue: ``status_code``, ``duration_ms``, ``user_identifier``,
        ``request_body``, ``response_body``, ``request_headers``, ``response_headers``, ``error``,
        ``correlation_id``, ``key_id``, and of a model ``model``, ``input_tokens``, ``output_tokens``, ``cost``, ``first_token_ms``; ``at`` is the time of its beginning.
        Never waits."""
        if endpoint in self.ignored:
            return
        unknown = fields.keys() - _FIELDS
        if unknown:
            raise TypeError(f"a report has no field {sorted(unknown)[0]!r}")
        fields["endpoint"], fields["method"] = endpoint, method
        fields = {name: _checked(name, value) for name, value in fields.items() if value is not None}
        fields["at"] = time.time() if at is None else at
        report = _Report(next(self._numbers), fields)
        with self._changed:
            self._count(self._queue.push(report))
            waiting = len(self._queue)
            if waiting == 1 or waiting == self.batch:
                self._changed.notify()
            if self._thread is None and not self._closing:
                self._start()

    def _start(self):
        self._thread = threading.Thread(target=self._run, name="isobase-requests", daemon=True)
        self._thread.start()

    def shut_down(self, longest: float = 3.0) -> int:
        """Sends what waits, for at most this many seconds; gives how many are left. A report that comes
        afterwards starts the thread anew."""
        deadline = time.monotonic() + longest
        with self._changed:
            thread = self._thread
            self._closing = thread is not None
            self._changed.notify()
        if thread is not None:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            self._closing = False
            if self._thread is thread and (thread is None or not thread.is_alive()):
                self._thread = None
            left = len(self._queue) + self._sending
        if left:
            _log.warning("%d reports of requests are not in the log", left)
        return left

    # The thread ---------------------------------------------------------------------------------

    def _run(self):
        pause = _PAUSE_FIRST_S
        with httpx.Client(timeout=self.deadline, headers=self._headers) as client:
            while True:
                reports = self._next()
                if not reports:
                    return
                sent = self._send(client, reports)
                with self._changed:
                    self._sending = 0
                    if sent:
                        self._gaps.clear()
                    else:
                        self._count(self._queue.push_front([it for it in reports if it not in self._gaps]))
                if sent:
                    pause = _PAUSE_FIRST_S
                    continue
                self._wait_for_the_log(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, _PAUSE_MAX_S)

    def _next(self):
        """The next batch; none once the log is shut down and nothing waits."""
        with self._changed:
            while not self._queue:
                if self._closing:
                    return []
                self._changed.wait()
            if not self._closing and len(self._queue) < self.batch:
                self._changed.wait_for(lambda: self._closing or len(self._queue) >= self.batch, self.flush_after)
            self._tell_of_gaps()
            reports = self._queue.take(min(self.batch, 1_000 - len(self._gaps)))
            self._sending = len(reports)
            return self._gaps + reports

    def _tell_of_gaps(self):
        """A report that stands for those that were dropped since the last one."""
        gone = self._dropped - self._told
        if gone:
            fields = {"endpoint": "(dropped)", "method": "NONE", "dropped": gone, "at": self._dropped_at or time.time()}
            self._gaps.append(_Report(next(self._numbers), fields))
            del self._gaps[:-_GAPS_MAX]
            self._told, self._dropped_at = self._dropped, None

    def _count(self, gone):
        if gone:
            self._dropped += gone
            self._dropped_at = self._dropped_at or time.time()

    def _wait_for_the_log(self, pause):
        with self._changed:
            closing = self._changed.wait_for(lambda: self._closing, pause)
        if closing:
            # The end gives a bounded time, which a log that is away must not use up at once.
            time.sleep(0.1)

    def _send(self, client, reports):
        """Whether the batch needs no other try."""
        body = _json.dumps({"requests": [self._shown(report) for report in reports]})
        try:
            response = client.post(self.url, content=body.encode("utf-8", "replace"))
        except httpx.TransportError as error:
            _log.debug("the request log cannot be reached: %s", error)
            return False
        except Exception:
            # A URL or a key that cannot be sent: it stays so.
            _log.exception("reports of requests cannot be sent")
            return self._drop(sum("dropped" not in it.fields for it in reports))
        if response.status_code == 413 and len(reports) > 1:
            half = len(reports) // 2
            # A half that was taken and is sent again is told from others by its ids.
            return self._send(client, reports[:half]) and self._send(client, reports[half:])
        if response.status_code < 300:
            return self._drop(_refused(response))
        if response.status_code >= 500 or response.status_code in _TRY_AGAIN:
            _log.debug("the request log answered %d", response.status_code)
            return False
        _log.warning("the request log refused %d reports: %s", len(reports), response.text[:200])
        return self._drop(sum("dropped" not in it.fields for it in reports))

    def _drop(self, count):
        with self._changed:
            self._count(count)
        return True

    def _shown(self, report):
        fields = dict(report.fields)
        at = datetime.datetime.fromtimestamp(fields.pop("at"), datetime.timezone.utc)
        fields["timestamp"] = at.isoformat(timespec="microseconds")
        return {"service": self.service, "request_id": f"{self._process}-{report.number}", **fields}


def _checked(name, value):
    """A value of a report, as it can be sent. Bytes of a body are shown as text."""
    if name in _BODIES and isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    if name in _HEADERS:
        if isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair):
            return value
        raise TypeError(f"{name} of a report is a dict of texts")
    kind = str if name in _TEXTS or name == "method" else (int, float, decimal.Decimal)
    if not isinstance(value, kind):
        wanted = "text" if kind is str else "number"
        raise TypeError(f"{name} of a report is a {wanted}, not a value of type {type(value).__name__}")
    if kind is not str and not math.isfinite(value):
        raise ValueError(f"{name} of a report is {value}")
    return value


def _refused(response):
    try:
        return int(response.json()["refused"])
    except (ValueError, KeyError, TypeError):
        return 0


def _shown(headers):
    """Headers of ASGI as they are reported."""
    shown: dict[str, str] = {}
    for name, value in headers or ():
        name, value = name.decode("latin-1").lower(), value.decode("latin-1")
        value = "" if name in _SECRETS else value
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown


@atexit.register
def _at_the_end():
    for log in list(_logs):
        if log.waiting:
            log.shut_down()


def _in_a_child():
    # The reports that wait belong to the parent, and so does its thread.
    for log in list(_logs):
        log._begin()
        log._dropped = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_a_child)


class RequestLogMiddleware:
    """Reports path, method, status and duration of each HTTP request of an ASGI application::

        app.add_middleware(RequestLogMiddleware, url="http://127.0.0.1:8002", service="llm")

    With ``log`` several applications share a :class:`RequestLog`; else the options are those of its
    constructor. ``user`` gives the caller's name from the scope of a request, or None; with ``headers`` the headers of
    requests and answers are reported, without the values of credentials. Reports that wait are sent when
    the server ends the application's lifespan, for at most ``flush_at_end`` seconds, and else at the end of the
    process.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        url: str | None = None,
        service: str | None = None,
        *,
        log: RequestLog | None = None,
        user: Callable[[Any], str | None] | None = None,
        headers: bool = False,
        flush_at_end: float = 3.0,
        **options: Any,
    ):
        if log is None:
            if url is None or service is None:
                raise TypeError("url and service are needed, or a log")
            log = RequestLog(url, service, **options)
        self.app = app
        self.log = log
        self.user = user
        self.headers = headers
        self.flush_at_end = flush_at_end

    async def __call__(self, scope, receive, send):
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope, receive, send):
        at, began = time.time(), time.perf_counter()
        status = error = answered = None

        async def noting(message):
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], message.get("headers")
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except BaseException as failure:
            # Only its kind: what it says may hold a secret.
            error = type(failure).__name__
            raise
        finally:
            # Without an answer the server tells its caller 500, unless the caller is gone.
            if status is None and error is not None and error != "CancelledError":
                status = 500
            duration = (time.perf_counter() - began) * 1_000
            self._record(scope, at, duration, status, error, answered)

    def _record(self, scope, at, duration, status, error, answered):
        try:
            user = None if self.user is None else self.user(scope)
            headers = {}
            if self.headers:
                headers = {"request_headers": _shown(scope.get("headers")), "response_headers": _shown(answered)}
            self.log.record(
                scope["path"], scope["method"], at=at, duration_ms=round(duration, 3), status_code=status,
                error=error, user_identifier=None if user is None else str(user), **headers,
            )
        except Exception:
            # A caller has its answer, whatever becomes of the report.
            _log.exception("a request could not be reported")

    async def _lifespan(self, scope, receive, send):
        async def flushing(message):
            if message["type"].startswith("lifespan.shutdown."):
                await anyio.to_thread.run_sync(self.log.shut_down, self.flush_at_end)
            await send(message)

        await self.app(scope, receive, flushing)
