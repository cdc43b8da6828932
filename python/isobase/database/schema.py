"""Another name of :mod:`isobase.database.schema_setup`."""

from .schema_setup import SchemaSetup

__all__ = ["SchemaSetup"]
