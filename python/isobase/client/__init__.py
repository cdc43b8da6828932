"""The client of the HTTP API: ``pip install isobase[client]``.

:class:`Client` waits for each answer, :class:`AsyncClient` is awaited (asyncio with any loop, and trio).
"""

from ._client import AsyncClient, Client
from ._documents import Document, Page
from ._events import Event
from .errors import (
    AnswerTimeout,
    BrokenConnection,
    ClientError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
)

__all__ = [
    "AnswerTimeout",
    "AsyncClient",
    "BrokenConnection",
    "Client",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "Document",
    "Event",
    "Forbidden",
    "InvalidRequest",
    "NotFound",
    "Page",
    "Refused",
    "Unauthenticated",
    "Unavailable",
]
