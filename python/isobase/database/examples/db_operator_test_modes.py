"""The modes of an operator."""

from isobase.database import DBOperator


def main():
    """Runs the example, without a database."""
    print("None: the database of DB_HOST, DB_NAME, …")
    print("e2e: the database of TEST_DB_HOST, TEST_DB_NAME, …; rows stay unless a transaction ends them")
    db = DBOperator(test_mode="mock")
    print("mock:", db.insert("users", {"name": "Ann"}), db.fetch("users", {"name": "Ann"}, limit=1))
