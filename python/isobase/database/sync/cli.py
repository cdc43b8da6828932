"""``python -m isobase.database.sync.cli``: dumps into named files, and workflows."""

import argparse
import sys

from .db_sync_manager import DatabaseSyncManager


def main(arguments=None):
    """Runs a command; gives the status of the process."""
    parser = argparse.ArgumentParser(description="Dumps of a database")
    commands = parser.add_subparsers(dest="command")
    dump = commands.add_parser("dump", help="dump the production database into a file")
    dump.add_argument("--output", required=True)
    dump.add_argument("--test", action="store_true", help="the test database instead")
    restore = commands.add_parser("restore", help="restore a file into the test database")
    restore.add_argument("--input", required=True)
    restore.add_argument("--prod", action="store_true", help="into the production database instead")
    restore.add_argument("--confirm", metavar="NAME", help="the name of the production database")
    sync = commands.add_parser("sync", help="fetch the latest dumps of another machine and restore them")
    sync.add_argument("--remote", required=True, metavar="USER@HOST")
    sync.add_argument("--db-name", metavar="NAME", help="the name of the production database: confirms")
    workflow = commands.add_parser("workflow", help="several steps")
    workflow.add_argument("--name", required=True, choices=["refresh_test_db"])
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        confirm = getattr(given, "confirm", None) or getattr(given, "db_name", None)
        manager = DatabaseSyncManager(confirm=confirm)
        if given.command == "dump":
            print(f"Database dumped to: {manager.create_dump(given.output, is_test_db=given.test)}")
        elif given.command == "restore":
            manager.restore_dump(given.input, is_test_db=not given.prod)
            print(f"Database restored from: {given.input}")
        elif given.command == "sync":
            manager.sync_from_dumps(given.remote)
            print(f"Databases synchronized from {given.remote}")
        else:
            print(f"Test database refreshed: {manager.refresh_test_db()} rows copied")
    except Exception as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
