"""Rows by the names of tables and columns."""

from __future__ import annotations

import datetime
import logging
import os
import re
import uuid
from collections.abc import Awaitable
from typing import Any

from isobase import _json, _native
from isobase._waiting import in_loop, later

from .db_connector import DBConnector, Row, _parameters, _run, _test_transaction, _Transaction
from .errors import InvalidValueError

_log = logging.getLogger(__name__)
#: The most that the databases count to.
_COUNT_MAX = 2**63 - 1
_SQL = re.compile(r"^\s*(?:--.*\n\s*|/\*.*?\*/\s*)*(select|with|insert|update|delete|values|show|explain|table)\s", re.I | re.S)


def _is_sql(text):
    return _SQL.match(text) is not None


def _first(rows):
    return Row(rows[0]) if rows else None


def _as_row(row):
    return None if row is None else Row(row)


class DBOperator:
    """Reads and writes rows; names of columns may be spelt loosely.

    ``test_mode`` is ``None`` (the database of the variables), ``"e2e"`` (the test database, by the
    variables with ``TEST_``) or ``"mock"`` (no database: reads give made-up rows, writes are not kept).
    In a test mode, outside an event loop, every call answers at once and needs no ``await``.
    """

    def __init__(
        self, connector=None, *, url=None, test_mode=None, verbose=False, schema_file=None, **settings
    ):
        if test_mode not in (None, "e2e", "mock"):
            raise InvalidValueError(f"test_mode is None, 'e2e' or 'mock', not {test_mode!r}")
        self.test_mode = test_mode
        self.verbose = verbose
        self.logging_enabled = True
        self._mock = None
        self.connector = None
        if test_mode == "mock":
            from .mock.operations import MockTables

            self._mock = MockTables(schema_file)
        else:
            self.connector = _connector(connector, url, test_mode == "e2e", settings)

    @property
    def connection_url(self) -> str | None:
        """Where the database is; None in mock mode."""
        return None if self.connector is None else self.connector.connection_url

    # How a call is answered ---------------------------------------------------------------------

    def _native_call(self):
        if self.test_mode == "e2e":
            transaction = _test_transaction.get()
            if transaction is not None and transaction.connection_url == self.connection_url:
                return transaction._native.call
        return self.connector._call

    def _ask(self, operation, then=None, **arguments):
        if self._mock is not None:
            return self._answer_at_once(self._mock.answer(operation, arguments), then)
        if self.test_mode is not None and not in_loop():
            answer = self._native_call()(operation, arguments)
            return answer if then is None else then(answer)
        return self._later(operation, arguments, then)

    async def _later(self, operation, arguments, then):
        answer = await later(self._native_call(), operation, arguments)
        return answer if then is None else then(answer)

    def _answer_at_once(self, answer, then):
        answer = answer if then is None else then(answer)
        if not in_loop():
            return answer

        async def answered():
            return answer

        return answered()

    # Reading ------------------------------------------------------------------------------------

    def fetch(self, table, conditions=None, order_by=None, limit=None, offset=None, schema="public") -> Awaitable[list[dict[str, Any]]]:
        """All rows that meet the conditions; or those of a statement: ``fetch("SELECT …", params)``."""
        if _is_sql(table):
            return self._ask("run", **_run(table, conditions, "all"))
        orders = [order_by] if isinstance(order_by, str) else list(order_by or ())
        return self._ask(
            "fetch", table=table, schema=schema, conditions=_named(conditions, "conditions"), order_by=orders,
            limit=_count(limit, "limit"), offset=_count(offset, "offset"),
        )

    def fetch_all(self, table, conditions=None, **options) -> Awaitable[list[dict[str, Any]]]:
        """As :meth:`fetch`."""
        return self.fetch(table, conditions, **options)

    def fetch_one(self, table, conditions=None, order_by=None, schema="public") -> Awaitable[Row | None]:
        """The first row, or None; ``fetch_one("SELECT …", params)`` is the other form."""
        if _is_sql(table):
            return self._ask("run", _as_row, **_run(table, conditions, "row"))
        orders = [order_by] if isinstance(order_by, str) else list(order_by or ())
        return self._ask(
            "fetch", _first, table=table, schema=schema, conditions=_named(conditions, "conditions"),
            order_by=orders, limit=1,
        )

    def get_by_uuid(self, table, value, uuid_column=None, schema="public") -> Awaitable[Row | None]:
        """The row with this id, in ``uuid`` if there is such a column, else in ``id``."""
        return self._ask("by_uuid", _as_row, table=table, schema=schema, value=_id(value), column=uuid_column)

    def get_by_name(self, table, value, name_column="name", schema="public") -> Awaitable[Row | None]:
        """The first row of this name."""
        return self.get_by_column(table, name_column, value, schema=schema)

    def get_by_column(self, table, column, value, schema="public") -> Awaitable[Row | None]:
        """The first row whose column has this value."""
        return self._ask("by_column", _as_row, table=table, schema=schema, column=column, value=value)

    def count(self, table, conditions=None, schema="public") -> Awaitable[int]:
        """How many rows meet the conditions."""
        return self._ask("count", table=table, schema=schema, conditions=_named(conditions, "conditions"))

    def exists(self, table, conditions=None, schema="public") -> Awaitable[bool]:
        """Whether a row meets the conditions."""
        return self._ask("exists", table=table, schema=schema, conditions=_named(conditions, "conditions"))

    # Writing ------------------------------------------------------------------------------------

    def insert(self, table, data, *rest, schema="public", returning=True) -> Awaitable[Any]:
        """Inserts a row and gives it. ``insert("schema", "table", {…})`` gives its id."""
        if rest:
            row = _named(rest[0], "a row")
            return self._ask("insert", lambda row: Row(row)._isobase_key, table=data, schema=table, data=row)
        then = _as_row if returning else (lambda _: None)
        return self._ask("insert", then, table=table, schema=schema, data=_named(data, "a row"))

    def update(self, table, data, conditions, *rest, schema="public", returning=True) -> Awaitable[Any]:
        """Changes rows and gives the first. ``update("schema", "table", id, {…})`` gives the count."""
        if rest:
            return self._ask(
                "update", len, table=data, schema=table, data=_named(rest[0], "a row"), conditions={"id": conditions}
            )
        then = _first if returning else (lambda _: None)
        conditions = _named(conditions, "conditions")
        return self._ask(
            "update", then, table=table, schema=schema, data=_named(data, "a row"), conditions=conditions
        )

    def upsert(self, table, data, unique_columns, schema="public", returning=True) -> Awaitable[Row | None]:
        """Inserts a row, or changes the one with the same values in the unique columns."""
        unique = [unique_columns] if isinstance(unique_columns, str) else list(unique_columns)
        then = _as_row if returning else (lambda _: None)
        data = _named(data, "a row")
        return self._ask("upsert", then, table=table, schema=schema, data=data, unique_columns=unique)

    def delete(self, table, conditions, schema="public", returning=False) -> Awaitable[Any]:
        """Deletes rows and gives their count, or with ``returning`` the rows."""
        operation = "delete_returning" if returning else "delete"
        return self._ask(operation, table=table, schema=schema, conditions=_named(conditions, "conditions"))

    def bulk_insert(self, table, columns, rows, schema="public") -> Awaitable[int]:
        """Inserts many rows by COPY, all or none; gives their count."""
        return self._ask("bulk_insert", table=table, schema=schema, columns=list(columns), rows=rows)

    # Statements ---------------------------------------------------------------------------------

    def execute(self, query, params=None, fetch_val=False, fetch_row=False, fetch_all=False, schema=None) -> Awaitable[Any]:
        """Runs a statement as it is."""
        fetch = "value" if fetch_val else "row" if fetch_row else "all" if fetch_all else "tag"
        return self._ask("run", **_run(query, params, fetch, schema))

    execute_raw = execute

    def run_sql_script(self, script, name="script") -> Awaitable[int]:
        """Runs the statements of a script, or of the file of that name, all or none."""
        del name
        if os.path.isfile(script):
            with open(script, encoding="utf-8") as file:
                script = file.read()
        return self._ask("script", script=script)

    def transaction(self):
        """``async with db.transaction() as conn``: commits at the end, rolls back on an exception."""
        if self._mock is not None:
            return self._mock.transaction()
        return _Transaction(self.connector._call)

    def table_exists(self, table, schema="public") -> Awaitable[bool]:
        """Whether a table or a view exists."""
        return self._ask("table_exists", table=table, schema=schema)

    def schema_exists(self, schema) -> Awaitable[bool]:
        """Whether a schema exists."""
        return self._ask("schema_exists", name=schema)

    def create_schema(self, schema) -> Awaitable[None]:
        """Creates a schema unless it exists."""
        return self._ask("create_schema", name=schema)

    def set_query_logger(self, logger) -> None:
        """Has every statement noted."""
        if self.connector is not None:
            self.connector.set_query_logger(logger)

    def close(self) -> Awaitable[None]:
        """Closes all connections."""
        if self.connector is not None:
            self.connector._native.close()
        return self._answer_at_once(None, None) if self.test_mode is not None else _nothing()

    # Tests --------------------------------------------------------------------------------------

    def load_seed_data(self, path, protected=True) -> Awaitable[int]:
        """Loads a JSON array of objects; the name of the file says the table."""
        return self._ask("load_seed", path=os.fspath(path), protected=protected)

    def clone_project(self, source, target) -> Awaitable[Row]:
        """Copies a project under another id."""
        return self._ask("clone_project", _as_row, source=_id(source), target=_id(target))

    def clone_prompt_template(self, source, new_id) -> Awaitable[Row]:
        """Copies a prompt under another id."""
        return self._ask("clone_prompt", _as_row, source=_id(source), target=_id(new_id))

    def cleanup_non_protected(self, schema="public") -> Awaitable[int]:
        """Deletes what tests have made; gives the count."""
        return self._ask("cleanup", name=schema)

    def get_active_e2e_tests(self) -> Awaitable[list[dict[str, Any]]]:
        """The tests of the registry that are active."""
        return self._ask("active_tests")

    def reset_test_database(self) -> Awaitable[int]:
        """Deletes what tests have made in the test database."""
        if self.test_mode != "e2e":
            raise InvalidValueError("only an operator with test_mode='e2e' resets its database")
        return self.cleanup_non_protected()

    # Formatting ---------------------------------------------------------------------------------

    def _format_for_logging(self, data, max_length=500):
        """The same data with long texts cut."""
        if isinstance(data, str):
            return _native.truncate_text(data, max_length)
        if isinstance(data, dict):
            return {key: self._format_for_logging(value, max_length) for key, value in data.items()}
        if isinstance(data, (list, tuple)):
            return [self._format_for_logging(value, max_length) for value in data]
        return data

    def _log_data(self, message, data=None):
        """Logs data: its form if verbose, else only that there was some."""
        if not self.logging_enabled:
            return
        if data is None:
            _log.debug("%s", message)
        elif not self.verbose:
            _log.debug("%s: [data]", message)
        else:
            try:
                text = self._format_for_logging(data)
            except Exception as error:
                text = f"[Error formatting data: {error}]"
            _log.debug("%s: %s", message, text)

    def _truncate_text(self, text, max_length):
        return _native.truncate_text(text, max_length)

    def _format_variable(self, value, max_length=10_000):
        return self._format_for_logging(value, max_length)

    def _prepare_variables_for_storage(self, variables):
        return _native.variables_for_storage(_stored(variables))

    def _format_response_for_storage(self, response):
        try:
            return _native.response_for_storage(_stored(response))
        except TypeError:
            if isinstance(response, dict):
                raise
            return str(response)

    def clean_response_for_storage(self, response) -> str:
        """Text without what looks like commands. It helps a reader, and protects from nothing."""
        return _native.clean_response(_json.dumps(response, _shown))


def _connector(connector, url, test, settings):
    """The connector that is given; a URL in its place will do."""
    if connector is None or isinstance(connector, str):
        return DBConnector(url or connector, test=test, **settings)
    if not callable(getattr(connector, "_call", None)):
        raise InvalidValueError(f"a connector is a DBConnector or a URL, not {connector!r}")
    return connector


def _named(values, what):
    """Values by the names of columns."""
    if values is None or hasattr(values, "keys"):
        return values
    raise InvalidValueError(f"{what} are values by the names of columns, not a {type(values).__name__}")


def _count(number, name):
    if number is None or isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _COUNT_MAX:
        return number
    raise InvalidValueError(f"{name} is {number!r}: expected a number from 0")


def _id(value):
    """An id as its text."""
    value = value._isobase_key if isinstance(value, Row) else value
    if isinstance(value, bool) or not isinstance(value, (str, int, uuid.UUID)):
        raise InvalidValueError(f"an id is a text, an integer or a UUID, not {value!r}")
    return str(value)


def _moment(value):
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return _json.text(value)


def _shown(value):
    try:
        return _moment(value)
    except TypeError:
        return str(value)


def _stored(value):
    """As JSON; date-times as ``YYYY-MM-DD HH:MM:SS``."""
    return _json.dumps(value, _moment)


async def _nothing():
    return None
