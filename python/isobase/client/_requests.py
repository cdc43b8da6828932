"""Requests, before anything is sent."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import urllib.parse
import uuid
from collections.abc import Callable
from typing import Any

from isobase import _json


@dataclasses.dataclass(frozen=True)
class Request:
    """A request, and how its answer is read: ``read(body, headers, status)``."""

    method: str
    target: str
    read: Callable[[Any, Any, int], Any]
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    content: bytes | None = None
    #: Files that ``httpx`` writes as a form.
    files: dict[str, Any] | None = None
    #: The answer to 404 with one of these codes, in place of an exception: None.
    missing: tuple[str, ...] = ()
    #: The effect of a success on the session: ``sign_in`` keeps the token, ``sign_out`` forgets it.
    after: str | None = None


def path(*segments: Any) -> str:
    """A path whose segments are texts with any characters, integers or UUIDs."""
    escaped = []
    for segment in segments:
        if not isinstance(segment, (str, int, uuid.UUID)) or isinstance(segment, (bool, enum.Enum)):
            raise TypeError(f"a name or an id is a text, an integer or a UUID, not {segment!r}")
        text = str(segment)
        # Dots alone would be folded away on the way.
        escaped.append("%2E" * len(text) if text in (".", "..") else urllib.parse.quote(text, safe=""))
    return "/" + "/".join(escaped)


def with_parameters(target: str, parameters: list[tuple[str, str]]) -> str:
    """A path with parameters."""
    if not parameters:
        return target
    return f"{target}?{urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)}"


def value(given: Any) -> str:
    """A value of a parameter, after the rules of the query language."""
    if isinstance(given, enum.Enum):
        return value(given.value)
    if given is None:
        return "null"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, (list, tuple, set, frozenset)):
        return ",".join(_listed(one) for one in given)
    if isinstance(given, (str, int, float, decimal.Decimal, uuid.UUID)):
        return str(given)
    if isinstance(given, (datetime.date, datetime.time)):
        return given.isoformat()
    raise TypeError(f"nothing can be compared with a value of type {type(given).__name__}")


def _listed(given: Any) -> str:
    text = value(given)
    quoted = isinstance(given, str) and (text == "" or any(sign in text for sign in ',()"'))
    return _json.dumps(text) if quoted else text


def parameters(filters: Any, options: dict[str, Any]) -> list[tuple[str, str]]:
    """Conditions, then options; an option that is None is left out."""
    pairs = filters.items() if hasattr(filters, "items") else (filters or ())
    found = [(name, value(condition)) for name, condition in pairs]
    for name, option in options.items():
        if option is None:
            continue
        if name in ("sort", "fields", "expand", "topics") and not isinstance(option, str):
            option = ",".join(option)
        found.append((name, value(option)))
    return found


def json_content(body: Any) -> bytes:
    """The JSON of a body."""
    return _json.dumps(body).encode()
