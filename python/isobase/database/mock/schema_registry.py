"""What tables look like."""

from __future__ import annotations

import os
from typing import Any

from isobase import _native
from isobase.database.db_connector import DBConnector
from isobase.database.errors import InvalidValueError


class SchemaRegistry:
    """The tables of a database, or of a file of ``CREATE TABLE``; read when they are first needed."""

    def __init__(self, schema_source="db", schema_file=None, *, connector=None, url=None, test=False):
        if schema_source not in ("db", "file"):
            raise InvalidValueError(f"Unsupported schema source: {schema_source}")
        if schema_source == "file" and schema_file is None:
            raise InvalidValueError("schema_file is missing")
        self.schema_source = schema_source
        self.schema_file = schema_file
        self._where = (connector, url, test)
        self._native = None

    def initialize(self) -> SchemaRegistry:
        """Reads the tables; a second time does nothing."""
        if self._native is None:
            if self.schema_source == "file":
                self._native = _native.Registry.from_file(os.fspath(self.schema_file))
            else:
                connector, url, test = self._where
                connector = connector or DBConnector(url, test=test)
                self._native = _native.Registry.from_database(connector._native)
        return self

    def get_table_schema(self, schema, table) -> dict[str, Any]:
        """``columns``, ``primary_keys``, ``foreign_keys`` and ``indexes`` of a table."""
        return self.initialize()._native.table(schema, table)

    def get_tables(self, schema="public") -> list[str]:
        """The names of the tables, those first that others refer to."""
        return self.initialize()._native.tables(schema)

    def validate_insert_data(self, schema, table, data) -> tuple[bool, str]:
        """``(True, "")``, or ``(False, reason)``."""
        reason = self.initialize()._native.validate(schema, table, data)
        return reason is None, reason or ""
