"""Answers of the service, as values of Python."""

from __future__ import annotations

from typing import Any


class Document(dict):
    """A document: its fields with ``id``; ``revision`` is the version of it that was read or written."""

    __slots__ = ("replayed", "revision")

    def __init__(self, fields: dict[str, Any], revision: str | None = None, replayed: bool = False):
        super().__init__(fields)
        self.revision = revision
        #: The answer is that to an earlier request with the same idempotency key.
        self.replayed = replayed

    @property
    def id(self) -> Any:
        """The id: an integer or a text."""
        return self.get("id")


class Page(list):
    """Documents of a listing. ``next`` is the cursor of the page after this one, or None; ``total``,
    ``page`` and ``pages`` are there when they were asked for."""

    __slots__ = ("next", "page", "pages", "total")

    def __init__(self, items, next=None, total=None, page=None, pages=None):
        super().__init__(items)
        self.next: str | None = next
        self.total: int | None = total
        self.page: int | None = page
        self.pages: int | None = pages


def page_of(body: Any, headers) -> Page:
    """A listing, whichever of its two forms it has."""
    if isinstance(body, list):
        total = headers.get("x-total-count")
        return Page(map(Document, body), total=None if total is None else int(total))
    rest = {name: body.get(name) for name in ("next", "total", "page", "pages")}
    return Page(map(Document, body["items"]), **rest)


def revision_of(headers) -> str | None:
    """The revision that an ``ETag`` holds."""
    tag = headers.get("etag")
    if tag is None:
        return None
    tag = tag[2:] if tag.startswith("W/") else tag
    return tag[1:-1] if len(tag) > 1 and tag[0] == tag[-1] == '"' else None
