"""Another name of :mod:`isobase.database.db_operator`."""

from .db_operator import DBOperator

__all__ = ["DBOperator"]
