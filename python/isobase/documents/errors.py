"""Failures of the document store."""

import builtins
import sys


class DocumentError(Exception):
    """A document was not read or written. Nothing was stored.

    ``status_code`` and ``detail`` are those of an HTTP answer. Where FastAPI is loaded, the exception is one of
    its ``HTTPException`` as well: raised in a route it becomes that answer.
    """

    status_code = 500

    @property
    def detail(self):
        """The reason, for people."""
        return self.args[0] if self.args else ""


class DocumentNotFound(DocumentError):
    """There is no such document."""

    status_code = 404


class DocumentConflict(DocumentError):
    """The document has another revision than the given ``_rev``, or another one stands in the way."""

    status_code = 409


class InvalidDocument(DocumentError, ValueError):
    """It is no document, or does not fit its collection; or no document can have this id."""

    status_code = 422


class DocumentForbidden(DocumentError):
    """A rule does not allow it."""

    status_code = 403


class DocumentsUnavailable(DocumentError, builtins.ConnectionError):
    """The database cannot be reached, or has too much to do. Nothing was written."""

    status_code = 503


class OutcomeUnknown(DocumentsUnavailable):
    """The connection broke during a write: it may have happened."""


class OpenError(DocumentError, builtins.ConnectionError):
    """The database cannot be opened."""

    status_code = 503


class UnknownSetting(DocumentError, ValueError):
    """The settings do not name a database."""


_KINDS = {
    "not_found": DocumentNotFound,
    "conflict": DocumentConflict,
    "invalid": InvalidDocument,
    "forbidden": DocumentForbidden,
    "unavailable": DocumentsUnavailable,
    "outcome_unknown": OutcomeUnknown,
    "connection": OpenError,
    "forked": OpenError,
    "setting": UnknownSetting,
}
_for_fastapi: dict = {}


def _make(kind, message):
    kind = _KINDS.get(kind, DocumentError)
    fastapi = sys.modules.get("fastapi")
    http = getattr(fastapi, "HTTPException", None)
    if http is None or issubclass(kind, (OpenError, UnknownSetting)):
        return kind(message)
    if kind not in _for_fastapi:
        _for_fastapi[kind] = type(kind.__name__, (_ForFastapi, kind, http), {"__module__": __name__})
    return _for_fastapi[kind](message)


class _ForFastapi:
    detail = None

    def __init__(self, message):
        self.args = (message,)
        self.detail, self.headers = message, None

    def __str__(self):
        return self.args[0]


def not_found(db_name, doc_id):
    """The exception for a document that is not there, as subclasses of ``DatabaseService`` raise it."""
    return _make("not_found", f"Document '{doc_id}' not found in '{db_name}'")
