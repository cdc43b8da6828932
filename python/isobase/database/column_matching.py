"""The column that a loosely spelt name means."""

from isobase import _native

from .errors import ColumnMatchError


def match_column(name: str, available, strict: bool = False, schema=None, table=None) -> str:
    """The column, or :class:`ColumnMatchError` with suggestions."""
    return _native.match_column(name, list(available), strict, schema, table)


__all__ = ["ColumnMatchError", "match_column"]
