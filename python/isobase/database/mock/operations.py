"""What an operator in mock mode answers."""

import itertools

from isobase.database.errors import InvalidValueError

from .mock_data_generator import MockDataGenerator
from .schema_registry import SchemaRegistry


class MockTables:
    """No database: reads give made-up rows, writes are not kept."""

    def __init__(self, schema_file=None):
        self._ids = itertools.count(1)
        self._generator = None
        if schema_file is not None:
            self._generator = MockDataGenerator(SchemaRegistry("file", schema_file), seed=1)

    def answer(self, operation, arguments):
        """The answer to an operation, at once."""
        conditions = arguments.get("conditions") or {}
        data = arguments.get("data") or {}
        if operation == "fetch":
            limit = arguments.get("limit")
            return [self._row(arguments, conditions) for _ in range(2 if limit is None else min(limit, 2))]
        if operation in ("by_uuid", "by_column"):
            return self._row(arguments, {arguments.get("column") or "id": arguments["value"]})
        if operation in ("insert", "upsert"):
            return {"id": next(self._ids), **data}
        if operation in ("update", "delete", "delete_returning"):
            if not conditions:
                verb = operation.split("_")[0]
                raise InvalidValueError(f"No valid conditions for {verb}")
            rows = [self._row(arguments, {**conditions, **data})]
            return 1 if operation == "delete" else rows
        if operation == "run":
            rows = self._query(arguments["sql"])
            fetch = arguments["fetch"]
            if fetch == "all":
                return rows
            if fetch == "row":
                return rows[0] if rows else None
            if fetch == "value":
                return next(iter(rows[0].values()), None) if rows else None
            return arguments["sql"].split(None, 1)[0].upper() + " 1"
        if operation in ("table_exists", "schema_exists", "exists"):
            return True
        if operation in ("count", "bulk_insert", "script", "load_seed", "cleanup"):
            return len(arguments.get("rows") or [0])
        if operation in ("clone_project", "clone_prompt"):
            return {"id": arguments["target"]}
        return [] if operation == "active_tests" else None

    def transaction(self):
        """A block in which nothing is kept either."""
        return _MockTransaction(self)

    def _row(self, arguments, values):
        if self._generator is not None:
            schema, table = arguments.get("schema") or "public", arguments["table"]
            return self._generator.generate_row(schema, table, values)
        number = next(self._ids)
        return {"id": number, "name": f"Mock {arguments['table']} {number}", **values}

    def _query(self, sql):
        if self._generator is not None:
            return self._generator.generate_mock_query_result(sql, row_count=2)
        return [{"id": next(self._ids), "mock_data": True, "query": sql}]


class _MockTransaction:
    def __init__(self, tables):
        self._tables = tables

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return False

    async def execute(self, query, params=None, fetch_val=False, fetch_row=False, fetch_all=False, schema=None):
        """As a connection's."""
        fetch = "value" if fetch_val else "row" if fetch_row else "all" if fetch_all else "tag"
        return self._tables.answer("run", {"sql": query, "parameters": params, "fetch": fetch, "schema": schema})

    async def fetch_dict(self, query, *params):
        """As a connection's."""
        return await self.execute(query, params, fetch_row=True)
