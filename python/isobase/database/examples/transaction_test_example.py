"""A test that leaves nothing behind."""

import os
import tempfile

from isobase.database import TestTransactionManager


def main():
    """Runs the example, on a file of SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        url = "sqlite://" + os.path.join(folder, "example.db")
        with TestTransactionManager(url, commit=True) as txn:
            txn.execute("CREATE TABLE users (name text)")
        with TestTransactionManager(url) as txn:
            txn.execute("INSERT INTO users VALUES ($1)", ("Test User",))
            print("inside:", txn.fetch_val("SELECT count(*) FROM users"))
        with TestTransactionManager(url) as txn:
            print("afterwards:", txn.fetch_val("SELECT count(*) FROM users"))
