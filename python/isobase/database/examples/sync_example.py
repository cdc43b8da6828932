"""What a sync manager does."""

import tempfile

from isobase.database import DatabaseSyncManager


def main():
    """Runs the example, without touching a database."""
    with tempfile.TemporaryDirectory() as folder:
        manager = DatabaseSyncManager(folder)
        print("dumps lie in:", manager.dumps_dir)
        print("there are:", manager.get_available_dumps())
        try:
            manager.restore_from_latest()
        except RuntimeError as error:
            print("as expected:", error)
        except FileNotFoundError as error:
            print("as expected:", error)
