"""Connections, statements and transactions."""

from __future__ import annotations

import contextvars
from typing import Any

from isobase import _native
from isobase._waiting import later

#: The transaction of the test that runs now; operators in a test mode work inside it.
_test_transaction = contextvars.ContextVar("isobase_test_transaction", default=None)


class Row(dict):
    """One row. As a parameter it stands for its key: ``id``, else its first column."""

    __slots__ = ()

    @property
    def _isobase_key(self):
        if "id" in self:
            return self["id"]
        return next(iter(self.values()), None)


def _parameters(params):
    """A tuple or a list as it is; anything else is the one parameter."""
    if params is None:
        return ()
    return params if isinstance(params, (tuple, list)) else (params,)


def _run(query, params, fetch, schema=None):
    return {"sql": query, "parameters": _parameters(params), "fetch": fetch, "schema": schema}


def _fetch(fetch_val, fetch_row, fetch_all):
    if fetch_val:
        return "value"
    if fetch_row:
        return "row"
    return "all" if fetch_all else "tag"


class Session:
    """What a connection can do, in an event loop. ``_call`` is the native half's."""

    _call = None

    async def _ask(self, operation, **arguments):
        return await later(self._call, operation, arguments)

    async def execute(
        self, query, params=None, *more, fetch_val=False, fetch_row=False, fetch_all=False, schema=None
    ) -> Any:
        """Runs one statement. Without a fetch flag the answer is its tag, such as ``DELETE 5``."""
        if more:
            params = (params, *more)
        fetch = _fetch(fetch_val, fetch_row, fetch_all)
        return await self._ask("run", **_run(query, params, fetch, schema))

    async def fetch_dict(self, query, *params) -> Row | None:
        """The first row of a statement, or None."""
        row = await self._ask("run", **_run(query, _spread(params), "row"))
        return None if row is None else Row(row)

    async def fetch_one(self, query, *params):
        """The first row of a statement, or None."""
        return await self.fetch_dict(query, *params)

    async def fetch_all(self, query, *params) -> list[dict[str, Any]]:
        """All rows of a statement."""
        return await self._ask("run", **_run(query, _spread(params), "all"))

    async def fetch_val(self, query, *params) -> Any:
        """The first value of the first row, or None."""
        return await self._ask("run", **_run(query, _spread(params), "value"))

    async def table_exists(self, table, schema="public") -> bool:
        """Whether a table or a view exists."""
        return await self._ask("table_exists", table=table, schema=schema)


def _spread(params):
    """``f(sql, a, b)`` and ``f(sql, (a, b))`` are the same."""
    return _parameters(params[0]) if len(params) == 1 else params


class TransactionConnection(Session):
    """The connection inside ``async with db.transaction()``."""

    def __init__(self, native):
        self._native = native
        self._call = native.call

    async def savepoint(self, name) -> None:
        """Marks a point to which the transaction can go back."""
        await self._ask("savepoint", name=name)

    async def rollback_to(self, name) -> None:
        """Goes back to a point."""
        await self._ask("rollback_to", name=name)


class _Transaction:
    """Begins at the start of the block; commits at its end, rolls back on any exception."""

    def __init__(self, call):
        self._call = call
        self._connection = None

    async def __aenter__(self):
        native = await later(self._call, "begin", {})
        self._connection = TransactionConnection(native)
        return self._connection

    async def __aexit__(self, kind, error, trace):
        if kind is None:
            await self._connection._ask("commit")
            return False
        # A task that is cancelled again while it waits leaves the rollback to its end.
        try:
            await self._connection._ask("rollback")
        except Exception:
            # The connection is closed then, which rolls back as well; the block's own failure counts.
            pass
        return False


class DBConnector(Session):
    """A pool of connections to PostgreSQL, or to SQLite by a URL ``sqlite://PATH``.

    Without a URL the variables ``DB_HOST``, ``DB_PORT``, ``DB_NAME``, ``DB_USER`` and ``DB_PASS`` say
    where the database is; with ``test=True`` those with ``TEST_`` in front.
    """

    def __init__(self, url=None, *, test=False, max_size=20, min_size=5, **settings):
        # Connections are opened when they are needed; min_size is accepted as documented.
        del min_size
        self.connection_url = url or _native.url_from_environment(test)
        self._native = _native.Connector(self.connection_url, max_size=max_size, **settings)
        self._call = self._native.call

    async def get_pool(self) -> DBConnector:
        """The pool, which is there from the beginning."""
        return self

    def transaction(self) -> _Transaction:
        """``async with db.transaction() as conn``: commits at the end, rolls back on an exception."""
        return _Transaction(self._call)

    async def run_sql_script(self, script, name="script") -> int:
        """Runs the statements of a script, all or none."""
        del name
        return await self._ask("script", script=script)

    def set_query_logger(self, logger) -> None:
        """Has every statement noted by a ``QueryLogger``, or by none."""
        self._native.set_logger(None if logger is None else logger._native)

    async def close(self) -> None:
        """Closes all connections."""
        self._native.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()


class SyncConnection:
    """The same on the spot, for plain functions."""

    def __init__(self, native):
        self._native = native

    def _ask(self, operation, **arguments):
        return self._native.call(operation, arguments)

    def execute(self, query, params=None, *more, fetch_val=False, fetch_row=False, fetch_all=False, schema=None) -> Any:
        """Runs one statement."""
        if more:
            params = (params, *more)
        return self._ask("run", **_run(query, params, _fetch(fetch_val, fetch_row, fetch_all), schema))

    def fetch_one(self, query, *params):
        """The first row of a statement, or None."""
        row = self._ask("run", **_run(query, _spread(params), "row"))
        return None if row is None else Row(row)

    fetch_dict = fetch_one

    def fetch_all(self, query, *params) -> list[dict[str, Any]]:
        """All rows of a statement."""
        return self._ask("run", **_run(query, _spread(params), "all"))

    def fetch_val(self, query, *params) -> Any:
        """The first value of the first row, or None."""
        return self._ask("run", **_run(query, _spread(params), "value"))

    def table_exists(self, table, schema="public") -> bool:
        """Whether a table or a view exists."""
        return self._ask("table_exists", table=table, schema=schema)
