"""Fixtures for pytest."""

import pytest


@pytest.fixture
def isobase_txn():
    """A transaction of the test database that is rolled back after the test."""
    from .testing import TestTransactionManager

    with TestTransactionManager() as transaction:
        yield transaction
