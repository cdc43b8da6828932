"""Another name of :mod:`isobase.database.db_connector`."""

from .db_connector import DBConnector, Row, TransactionConnection

__all__ = ["DBConnector", "Row", "TransactionConnection"]
