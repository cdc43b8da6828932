"""The exceptions of the toolkit."""

import builtins


class DatabaseError(Exception):
    """Any failure. What the database said is in the attributes, where it said something."""

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
        missing = message.startswith(("Database dump not found", "Latest dumps not found"))
        return FileNotFoundError(message) if missing else RuntimeError(message)
    error = _KINDS.get(kind, DatabaseError)(message)
    for name, value in details.items():
        setattr(error, name, value)
    return error
