"""Dumps of databases, between environments and machines."""

from .db_sync_manager import DatabaseSyncManager

__all__ = ["DatabaseSyncManager"]
