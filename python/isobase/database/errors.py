"""The exceptions of the toolkit."""

import builtins
import re

_OS_ERROR = re.compile(r"(.*) \(os error (\d+)\)$", re.S)
_MISSING = ("Database dump not found", "Latest dumps not found")
_BY_UUID = "Failed to get record by UUID: "


class DriverError(Exception):
    """The ``__cause__`` of a failure: what the database or the connection to it said."""

    sqlstate = None


class DatabaseError(Exception):
    """Any failure. What the database said is in the attributes, where it said something. ``__cause__`` is what lies
    below: :class:`DriverError`, an ``OSError``, or a ``LookupError`` for a name that does not exist."""

    sqlstate = None
    position = None
    hint = None
    detail = None
    constraint = None
    statement = None


class ConnectionError(DatabaseError, builtins.ConnectionError):
    """The database cannot be reached, or no connection got free in time."""


class QueryError(DatabaseError):
    """The database refused a statement."""


class QueryTimeoutError(QueryError, builtins.TimeoutError):
    """A statement took too long, and was cancelled."""


class OutcomeUnknownError(ConnectionError):
    """The connection broke during a commit: it may have happened."""


class SchemaError(DatabaseError):
    """A schema or a table does not exist, or is not what it should be."""


class ColumnMatchError(DatabaseError):
    """No column has that name."""

    column_name = None
    available_columns = ()
    schema = None
    table = None
    suggestions = ()


class InvalidValueError(DatabaseError, ValueError):
    """An argument that is refused before the database is asked."""


class FileError(DatabaseError, RuntimeError):
    """A file cannot be read or written, or a program cannot be run."""


class MissingFileError(DatabaseError, FileNotFoundError):
    """There is no such file."""


_KINDS = {
    "connection": ConnectionError,
    "query": QueryError,
    "timeout": QueryTimeoutError,
    "outcome_unknown": OutcomeUnknownError,
    "schema": SchemaError,
    "column": ColumnMatchError,
    "invalid": InvalidValueError,
}


def _make(kind, message, details):
    if kind == "io":
        is_missing = message.startswith(_MISSING) or message.endswith("(os error 2)")
        return (MissingFileError if is_missing else FileError)(message)
    error = _KINDS.get(kind, DatabaseError)(message)
    for name, value in details.items():
        setattr(error, name, value)
    error.__cause__ = _cause(kind, message, details)
    return error


def _cause(kind, message, details):
    if kind == "invalid":
        # Refused here, before anything below was asked.
        return None
    if kind == "column":
        return KeyError(details["column_name"])
    if details.get("sqlstate") is None and kind == "schema":
        return LookupError(message)
    system = _OS_ERROR.match(message)
    if system is not None:
        return OSError(int(system[2]), system[1])
    cause = DriverError(message[len(_BY_UUID):] if message.startswith(_BY_UUID) else message)
    cause.sqlstate = details.get("sqlstate")
    return cause
