"""Tests that leave nothing behind."""

from .transaction_manager import TestTransactionManager, with_transaction

__all__ = ["TestTransactionManager", "with_transaction"]
