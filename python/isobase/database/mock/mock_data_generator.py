"""Makes rows up."""

from __future__ import annotations

import random
import re
from typing import Any

from isobase import _native

_TABLE = re.compile(r"\bfrom\s+([\w.\"]+)|\binsert\s+into\s+([\w.\"]+)|\bupdate\s+([\w.\"]+)", re.I)


class MockDataGenerator:
    """Rows that fit the tables of a registry. The same seed gives the same rows.

    With ``realistic`` names, addresses, towns and sentences are as people have them, where the name of a column
    says that it holds some.
    """

    def __init__(self, registry, seed=None, *, realistic=False):
        self.registry = registry
        self.realistic = realistic
        self.seed = random.getrandbits(63) if seed is None else seed
        self._made = None

    @property
    def _native(self):
        if self._made is None:
            self._made = _native.Generator(self.registry.initialize()._native, self.seed, self.realistic)
        return self._made

    def generate_row(self, schema, table, override_values=None) -> dict[str, Any]:
        """A row; what is given wins. On a failure ``{"mock_error": text}``."""
        try:
            return self._native.rows(schema, table, 1, override_values or {})[0]
        except Exception as error:
            return {"mock_error": str(error)}

    def generate_rows(self, schema, table, count=5, base_values=None) -> list[dict[str, Any]]:
        """Several rows."""
        return self._native.rows(schema, table, count, base_values or {})

    def generate_related_rows(self, schema, table, related_tables, count=1) -> dict[str, list[dict[str, Any]]]:
        """Rows, and rows of other tables that refer to them by their own key."""
        related = [
            (name, wish.get("schema"), wish.get("count", 1), wish.get("fk_column"))
            for name, wish in related_tables.items()
        ]
        return self._native.related(schema, table, related, count)

    def generate_mock_query_result(self, query, params=None, row_count=None) -> list[dict[str, Any]]:
        """Rows of the first table of a statement."""
        del params
        found = _TABLE.search(query)
        if found is None:
            return [{"mock_warning": "no table in the statement", "query": query, "mock_data": True}]
        name = next(part for part in found.groups() if part).replace('"', "")
        schema, _, table = name.rpartition(".")
        count = row_count if row_count is not None else 1 + self.seed % 5
        return [self.generate_row(schema or "public", table) for _ in range(count)]

    def fill(self, connector, tables, count=100, schema="public") -> dict[str, int]:
        """Writes rows into a database by COPY, all or none; gives ``{table: rows}``."""
        return dict(self._native.fill(connector._native, schema, list(tables), count))
