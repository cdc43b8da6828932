"""The document store: ``get``, ``save``, ``delete`` and ``list_all`` on any engine, without HTTP."""

from .errors import (
    DocumentConflict,
    DocumentError,
    DocumentForbidden,
    DocumentNotFound,
    DocumentsUnavailable,
    InvalidDocument,
    OpenError,
    OutcomeUnknown,
    UnknownSetting,
)
from .factory import close_database_service, get_database_service, register_provider
from .service import AsyncDatabaseService, DatabaseService, IsobaseDatabaseService
from .settings import Settings

__all__ = [
    "AsyncDatabaseService",
    "DatabaseService",
    "DocumentConflict",
    "DocumentError",
    "DocumentForbidden",
    "DocumentNotFound",
    "DocumentsUnavailable",
    "InvalidDocument",
    "IsobaseDatabaseService",
    "OpenError",
    "OutcomeUnknown",
    "Settings",
    "UnknownSetting",
    "close_database_service",
    "get_database_service",
    "register_provider",
]
