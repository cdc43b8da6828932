"""The SQL toolkit: PostgreSQL and SQLite by hand, safely."""

from .column_matching import match_column
from .db_connector import DBConnector, Row
from .db_operator import DBOperator
from .decorators import time_query, with_db_connection, with_transaction
from .errors import (
    ColumnMatchError,
    ConnectionError,
    DatabaseError,
    DriverError,
    FileError,
    InvalidValueError,
    MissingFileError,
    OutcomeUnknownError,
    QueryError,
    QueryTimeoutError,
    SchemaError,
)
from .mock import MockDataGenerator, SchemaRegistry
from .performance import QueryLogger
from .schema_setup import SchemaSetup
from .sync import DatabaseSyncManager
from .testing import TestTransactionManager
from .values import Multirange, Range

__all__ = [
    "ColumnMatchError",
    "ConnectionError",
    "DBConnector",
    "DBOperator",
    "DatabaseError",
    "DatabaseSyncManager",
    "DriverError",
    "FileError",
    "InvalidValueError",
    "MockDataGenerator",
    "MissingFileError",
    "Multirange",
    "OutcomeUnknownError",
    "QueryError",
    "QueryLogger",
    "QueryTimeoutError",
    "Range",
    "Row",
    "SchemaError",
    "SchemaRegistry",
    "SchemaSetup",
    "TestTransactionManager",
    "match_column",
    "time_query",
    "with_db_connection",
    "with_transaction",
]
