"""The two clients."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

try:
    import anyio
    import httpx
except ImportError as error:
    raise ImportError("isobase.client needs httpx: pip install 'isobase[client]'") from error

from isobase import _json

from ._events import Event, Position
from ._operations import Operations
from ._requests import Request, parameters, with_parameters
from .errors import AnswerTimeout, BrokenConnection, ClientError, ConnectionFailed, refused

#: Tries to connect; nothing has been sent when one fails.
_CONNECT_ATTEMPTS = 3
_CONNECT_PAUSE_S = 0.1
#: The service says something every 30 s on a stream unless `events.ping` says otherwise.
_SILENCE_MAX_S = 90.0


class _Settings:
    """Settings and readings that both clients share."""

    def __init__(self, url, *, api_key=None, token=None, timeout=30.0, exact_numbers=False):
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._api_key = api_key
        #: The token of the session, which goes before the key.
        self.token: str | None = token
        self._loads = _json.loads if exact_numbers else json.loads

    def _headers(self, headers):
        secret = self.token or self._api_key
        return {"authorization": f"Bearer {secret}", **headers} if secret else headers

    def _arguments(self, request: Request) -> dict[str, Any]:
        return {
            "method": request.method, "url": self.url + request.target, "headers": self._headers(request.headers),
            "content": request.content, "files": request.files,
        }

    def _read(self, request: Request, response: httpx.Response) -> Any:
        is_json = "json" in response.headers.get("content-type", "")
        try:
            body = self._loads(response.text) if is_json and response.content else None
        except ValueError as error:
            raise ClientError(f"unexpected answer to {request.method} {request.target}: {error}") from error
        if response.status_code >= 300:
            problem = body if isinstance(body, dict) else {"detail": response.text[:200]}
            if response.status_code == 404 and problem.get("code") in request.missing:
                return None
            raise refused(response.status_code, problem, response.headers.get("retry-after"))
        if not is_json and response.content:
            raise ClientError(f"unexpected answer to {request.method} {request.target}: it is no JSON")
        if request.after == "sign_in":
            self.token = body["token"]
        elif request.after == "sign_out":
            self.token = None
        return request.read(body, response.headers, response.status_code)

    def _failure(self, request, error):
        where = f"{request.method} {request.target.partition('?')[0]}"
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
            return ConnectionFailed(f"no connection to {self.url}: {error}")
        if isinstance(error, httpx.PoolTimeout):
            return ConnectionFailed(f"no connection to {self.url} was free within {self.timeout} s")
        if isinstance(error, httpx.TimeoutException):
            return AnswerTimeout(f"no answer to {where} within {self.timeout} s")
        return BrokenConnection(f"the connection broke during {where}: {error}")

    def _stream(self, topics, filters, since):
        pairs = parameters(None, {"topics": topics})
        for topic, conditions in (filters or {}).items():
            if not isinstance(conditions, str):
                conditions = with_parameters("", parameters(conditions, {}))[1:]
            pairs.append((f"filter[{topic}]", conditions))
        return Position(with_parameters("/api/events", pairs), since)

    def _stream_arguments(self, position):
        headers = self._headers(position.headers())
        timeout = httpx.Timeout(self.timeout, read=_SILENCE_MAX_S)
        return {"method": "GET", "url": self.url + position.target, "headers": headers, "timeout": timeout}

    def _problem(self, response):
        try:
            body = self._loads(response.text)
        except ValueError:
            body = None
        return body if isinstance(body, dict) else {}


class Client(_Settings, Operations):
    """A client of the service that waits for each answer. Threads may share one.

    ``api_key`` is a key of the service; :meth:`sign_in` begins a session of an account. ``timeout`` is the
    longest silence in seconds. With ``exact_numbers`` numbers with a fraction are ``Decimal``. Connections are
    kept for the next request; ``with Client(…) as client`` closes them at the end.
    """

    def __init__(self, url, *, api_key=None, token=None, timeout=30.0, exact_numbers=False, **options):
        super().__init__(url, api_key=api_key, token=token, timeout=timeout, exact_numbers=exact_numbers)
        self._options = options
        self._http = httpx.Client(timeout=timeout, **options)
        self._process = os.getpid()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _connections(self):
        if self._process != os.getpid():
            # A connection of the parent belongs to the parent.
            cookies = self._http.cookies
            self._http = httpx.Client(timeout=self.timeout, cookies=cookies, **self._options)
            self._process = os.getpid()
        return self._http

    def _do(self, request: Request) -> Any:
        pause = _CONNECT_PAUSE_S
        for attempt in range(1, _CONNECT_ATTEMPTS + 1):
            try:
                return self._read(request, self._connections().request(**self._arguments(request)))
            except httpx.TransportError as error:
                if not isinstance(error, httpx.ConnectError) or request.files or attempt == _CONNECT_ATTEMPTS:
                    raise self._failure(request, error) from error
            time.sleep(pause)
            pause *= 2

    def _pages(self, read) -> Iterator[Any]:
        page = read(None)
        while True:
            yield from page
            if page.next is None:
                return
            page = read(page.next)

    def events(self, topics=None, *, filters=None, since=None) -> Iterator[Event]:
        """Live events, for ever: a stream that ends is opened again where it was, also after a restart of the
        service. ``filters`` are conditions by topic: ``{"items": {"user_id": 7}}``. Raises what another try
        would not change, such as :class:`Unauthenticated`. Closing the iterator ends the stream."""
        position = self._stream(topics, filters, since)
        while True:
            pause = None
            try:
                with self._connections().stream(**self._stream_arguments(position)) as response:
                    if response.status_code == 200:
                        for chunk in response.iter_bytes():
                            yield from position.events(chunk, self._loads)
                    else:
                        response.read()
                        pause = position.refused(
                            response.status_code, self._problem(response), response.headers.get("retry-after")
                        )
            except httpx.TransportError:
                pass
            time.sleep(position.pause() if pause is None else pause)


class AsyncClient(_Settings, Operations):
    """The same, awaited: ``await client.records("people").get(7)``, on asyncio with any loop, and on trio.
    One client serves one event loop."""

    def __init__(self, url, *, api_key=None, token=None, timeout=30.0, exact_numbers=False, **options):
        super().__init__(url, api_key=api_key, token=token, timeout=timeout, exact_numbers=exact_numbers)
        self._http = httpx.AsyncClient(timeout=timeout, **options)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _do(self, request: Request) -> Any:
        pause = _CONNECT_PAUSE_S
        for attempt in range(1, _CONNECT_ATTEMPTS + 1):
            try:
                return self._read(request, await self._http.request(**self._arguments(request)))
            except httpx.TransportError as error:
                if not isinstance(error, httpx.ConnectError) or request.files or attempt == _CONNECT_ATTEMPTS:
                    raise self._failure(request, error) from error
            await anyio.sleep(pause)
            pause *= 2

    async def _pages(self, read) -> AsyncIterator[Any]:
        page = await read(None)
        while True:
            for document in page:
                yield document
            if page.next is None:
                return
            page = await read(page.next)

    async def events(self, topics=None, *, filters=None, since=None) -> AsyncIterator[Event]:
        """As :meth:`Client.events`, for ``async for``."""
        position = self._stream(topics, filters, since)
        while True:
            pause = None
            try:
                async with self._http.stream(**self._stream_arguments(position)) as response:
                    if response.status_code == 200:
                        async for chunk in response.aiter_bytes():
                            for event in position.events(chunk, self._loads):
                                yield event
                    else:
                        await response.aread()
                        pause = position.refused(
                            response.status_code, self._problem(response), response.headers.get("retry-after")
                        )
            except httpx.TransportError:
                pass
            await anyio.sleep(position.pause() if pause is None else pause)
