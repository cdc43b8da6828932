"""Failures between a client and the service."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """A request without the wanted answer."""

    #: Whether the same request may succeed later, and nothing was written by this one.
    is_temporary = False


class ConnectionFailed(ClientError):
    """There is no connection. Nothing was sent."""

    is_temporary = True


class BrokenConnection(ClientError):
    """The connection broke. A write may have happened."""


class AnswerTimeout(ClientError):
    """There was no answer in time. A write may have happened."""


class Refused(ClientError):
    """The service refused the request and said why (RFC 9457). Decide by ``code``."""

    def __init__(self, status: int, problem: dict[str, Any], retry_after_s: float | None = None):
        self.status = status
        #: The stable code; empty when the answer is not the service's own.
        self.code: str = str(problem.get("code", ""))
        #: For people.
        self.detail: str = str(problem.get("detail", ""))
        #: The parts of the request that are wrong.
        self.errors: list[dict[str, Any]] = problem.get("errors") or []
        #: The name of the request in the service's log.
        self.request_id: str | None = problem.get("request_id")
        #: Seconds after which another try makes sense.
        self.retry_after_s = retry_after_s
        #: The whole body.
        self.problem = problem
        words = f"{self.detail or 'refused'} ({self.code + ', ' if self.code else ''}status {status})"
        super().__init__(words + (f", request {self.request_id}" if self.request_id else ""))


class InvalidRequest(Refused):
    """400, 413, 414, 415 or 422: the request is wrong."""


class Unauthenticated(Refused):
    """401: a key or a session is needed."""


class Forbidden(Refused):
    """403: the key or the session may not do this."""


class NotFound(Refused):
    """404 or 410: it is not there, or not any more."""


class Conflict(Refused):
    """409 or 412: the document, or another one, stands in the way."""


class Unavailable(Refused):
    """429 or 503: too much at the moment, or no database. Nothing was written, unless the code is
    ``outcome_unknown``."""

    @property
    def is_temporary(self) -> bool:  # type: ignore[override]
        """Whether it is known that nothing was written."""
        return self.code != "outcome_unknown"


_CLASSES = {
    400: InvalidRequest, 413: InvalidRequest, 414: InvalidRequest, 415: InvalidRequest, 422: InvalidRequest,
    401: Unauthenticated, 403: Forbidden, 404: NotFound, 410: NotFound, 409: Conflict, 412: Conflict,
    429: Unavailable, 503: Unavailable,
}


def refused(status: int, problem: dict[str, Any], retry_after: str | None) -> Refused:
    """The exception for an answer that is a refusal."""
    try:
        seconds = None if retry_after is None else max(0.0, float(retry_after))
    except ValueError:
        seconds = None
    return _CLASSES.get(status, Refused)(status, problem, seconds)
