"""The requests, once for both clients: each method makes one and hands it to ``_do``."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from ._documents import Document, page_of, revision_of
from ._requests import Request, json_content, parameters, path, with_parameters

_MERGE_PATCH = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_UPDATE = "application/vnd.isobase.update+json"


def _body(body, headers, status):
    return body


def _document(body, headers, status):
    return Document(body, revision_of(headers), headers.get("idempotency-replayed") == "true")


def _page(body, headers, status):
    return page_of(body, headers)


def _nothing(body, headers, status):
    return None


def _tag(revision):
    return revision if revision is None or revision == "*" else f'"{revision}"'


def _write(method, target, body, read, *, media_type="application/json", if_match=None, if_none_match=None,
           upsert=False, idempotency_key=None):
    if_match = getattr(if_match, "revision", if_match)
    given = {"if-match": _tag(if_match), "if-none-match": _tag(if_none_match), "idempotency-key": idempotency_key}
    headers = {name: text for name, text in given.items() if text is not None}
    content = None
    if body is not None:
        headers["content-type"], content = media_type, json_content(body)
    target = with_parameters(target, [("upsert", "true")] if upsert else [])
    return Request(method, target, read, headers, content)


class _Listing:
    """Listings, which collections of both faces have."""

    def __init__(self, client, root, name):
        self._client = client
        self._path = (*root, name)
        self.name = name

    def list(self, filters=None, *, sort=None, limit=None, cursor=None, page=None, fields=None, count=None,
             expand=None) -> Any:
        """A :class:`Page` of documents that meet the filters: ``{"age[gte]": 18, "city": "Basel"}``, or pairs
        where a name is there twice. Without ``limit``, ``cursor`` and ``page`` all of them."""
        options = {"sort": sort, "limit": limit, "cursor": cursor, "page": page, "fields": fields,
                   "count": count, "expand": expand}
        target = with_parameters(path(*self._path), parameters(filters, options))
        return self._client._do(Request("GET", target, _page))

    def iterate(self, filters=None, *, page_size=500, **options) -> Any:
        """Every document that meets the filters, read page by page: for ``for``, or ``async for``."""
        return self._client._pages(lambda cursor: self.list(filters, limit=page_size, cursor=cursor, **options))


class Records(_Listing):
    """Documents of a collection, by id (``/records``)."""

    def get(self, id, *, fields=None, expand=None) -> Any:
        """The :class:`Document`, or None."""
        options = parameters(None, {"fields": fields, "expand": expand})
        target = with_parameters(path(*self._path, id), options)
        return self._client._do(Request("GET", target, _document, missing=("record_not_found",)))

    def create(self, document, *, idempotency_key=None) -> Any:
        """A new document under the next integer id; gives it as it is stored."""
        return self._client._do(
            _write("POST", path(*self._path), document, _document, idempotency_key=idempotency_key)
        )

    def put(self, id, document, *, upsert=True, if_match=None, if_none_match=None, idempotency_key=None) -> Any:
        """Stores a document under an id. ``if_match`` is a revision, or a document that was read: if there is
        another by now, nothing is stored and :class:`Conflict` raised. ``if_none_match="*"`` only creates."""
        return self._client._do(
            _write("PUT", path(*self._path, id), document, _document, upsert=upsert, if_match=if_match,
                   if_none_match=if_none_match, idempotency_key=idempotency_key)
        )

    def patch(self, id, changes, *, if_match=None, idempotency_key=None) -> Any:
        """Changes fields (RFC 7396: None deletes one); a list is a JSON Patch (RFC 6902)."""
        media_type = _JSON_PATCH if isinstance(changes, (list, tuple)) else _MERGE_PATCH
        return self._client._do(
            _write("PATCH", path(*self._path, id), changes, _document, media_type=media_type, if_match=if_match,
                   idempotency_key=idempotency_key)
        )

    def update(self, id, operators, *, if_match=None, idempotency_key=None) -> Any:
        """Changes fields by operators, such as ``{"increment": {"visits": 1}}``, in one write."""
        return self._client._do(
            _write("PATCH", path(*self._path, id), operators, _document, media_type=_UPDATE, if_match=if_match,
                   idempotency_key=idempotency_key)
        )

    def delete(self, id, *, if_match=None) -> Any:
        """Deletes a document; :class:`NotFound` if there is none."""
        return self._client._do(_write("DELETE", path(*self._path, id), None, _nothing, if_match=if_match))

    def batch(self, operations, *, atomic=False, idempotency_key=None) -> Any:
        """Several operations at once: ``{"method": "put", "id": "a", "body": {…}}``. Gives
        ``{"results": […], "committed": …}``, one result for each."""
        body = {"operations": list(operations), "atomic": atomic}
        return self._client._do(
            _write("POST", path(*self._path, "batch"), body, _body, idempotency_key=idempotency_key)
        )

    def changes(self, *, since=None, limit=None, include=None, wait=None) -> Any:
        """A page of the change feed of the collection: ``{"changes": […], "next": …, "more": …}``."""
        return self._client._do(_changes(path(*self._path, "changes"), since, limit, include, wait))


class AppCollection(_Listing):
    """A collection of the app, in the app's own shapes and under its rules (``/api/{collection}``)."""

    def get(self, id) -> Any:
        """The row, or None."""
        request = Request("GET", path(*self._path, id), _document, missing=("item_not_found",))
        return self._client._do(request)

    def create(self, row, *, idempotency_key=None) -> Any:
        """A new row; gives it."""
        return self._client._do(
            _write("POST", path(*self._path), row, _document, idempotency_key=idempotency_key)
        )

    def update(self, id, fields, *, if_match=None) -> Any:
        """Changes the fields that are given; gives the row."""
        return self._client._do(_write("PUT", path(*self._path, id), fields, _document, if_match=if_match))

    def delete(self, id) -> Any:
        """Deletes the row; :class:`NotFound` if there is none."""
        return self._client._do(_write("DELETE", path(*self._path, id), None, _nothing))


def _changes(target, since, limit, include, wait):
    options = parameters(None, {"since": since, "limit": limit, "include": include, "wait": wait})
    return Request("GET", with_parameters(target, options), _body)


def _uploaded(file, filename):
    if isinstance(file, (bytes, bytearray, memoryview)):
        return filename or "file", bytes(file)
    if not hasattr(file, "read"):
        raise TypeError(f"upload takes bytes or an open file, not {type(file).__name__}: open(path, 'rb')")
    if filename is None:
        # A file without a name has the number of its descriptor there.
        name = getattr(file, "name", None)
        filename = os.path.basename(name) if isinstance(name, str) else "file"
    return filename, file


class Operations:
    """The methods of both clients; ``_do`` sends a request and reads its answer."""

    def _do(self, request: Request) -> Any:
        raise NotImplementedError

    def records(self, collection) -> Records:
        """Documents of a collection."""
        return Records(self, ("records",), collection)

    def app(self, collection) -> AppCollection:
        """A collection that the app declares."""
        return AppCollection(self, ("api",), collection)

    def changes(self, *, since=None, limit=None, include=None, wait=None) -> Any:
        """A page of the change feed of all collections."""
        return self._do(_changes("/changes", since, limit, include, wait))

    def collections(self) -> Any:
        """The collections, as ``GET /collections`` shows them."""
        return self._do(Request("GET", "/collections", _body))

    def health(self) -> Any:
        """The answer of ``GET /health``."""
        return self._do(Request("GET", "/health", _body))

    # Accounts -----------------------------------------------------------------------------------

    def register(self, username, password, **more) -> Any:
        """Makes an account and signs in with its cookie; gives ``{"id", "username"}``."""
        body = {"username": username, "password": password, **more}
        return self._do(_write("POST", "/api/register", body, _body))

    def sign_in(self, username, password) -> Any:
        """Begins a session with a token, which this client sends from now on; gives the session."""
        body = {"username": username, "password": password}
        request = _write("POST", "/api/sessions", body, _body)
        return self._do(dataclasses.replace(request, after="sign_in"))

    def renew(self) -> Any:
        """Lengthens the session; gives ``{"expires_at"}``."""
        return self._do(_write("POST", "/api/sessions/renew", None, _body))

    def sign_out(self) -> Any:
        """Ends the session, at the service too."""
        request = _write("POST", "/api/logout", None, _nothing)
        return self._do(dataclasses.replace(request, after="sign_out"))

    def me(self) -> Any:
        """The account of the session; :class:`Unauthenticated` without one."""
        return self._do(Request("GET", "/api/me", _body))

    def sessions(self) -> Any:
        """The sessions of the account."""
        return self._do(Request("GET", "/api/sessions", lambda body, headers, status: body["sessions"]))

    def end_sessions(self, session=None) -> Any:
        """Ends a session, or all others."""
        segments = ("api", "sessions") if session is None else ("api", "sessions", session)
        return self._do(_write("DELETE", path(*segments), None, _nothing))

    def change_password(self, current, new) -> Any:
        """Changes the password; all other sessions end."""
        body = {"current_password": current, "new_password": new}
        return self._do(_write("PUT", "/api/me/password", body, _nothing))

    def upload(self, file, filename=None) -> Any:
        """Uploads bytes, or a file that is open for reading bytes; gives ``{"filename", "url", "size"}``. The name
        is that of the file, unless another is given."""
        return self._do(Request("POST", "/api/upload", _body, files={"file": _uploaded(file, filename)}))
