"""``python -m isobase.database.sync.db_sync_cli``: dumps from the command line."""

import argparse
import sys

from .db_sync_manager import DatabaseSyncManager


def _parser():
    parser = argparse.ArgumentParser(description="Dumps of the production and the test database")
    commands = parser.add_subparsers(dest="command")
    dump = commands.add_parser("dump", help="dump databases; both when none is named")
    dump.add_argument("--prod", action="store_true")
    dump.add_argument("--test", action="store_true")
    dump.add_argument("--all", action="store_true")
    dump.add_argument("--no-timestamp", action="store_true")
    dump.add_argument("--schemas", nargs="+")
    restore = commands.add_parser("restore", help="restore dumps")
    restore.add_argument("--prod", metavar="FILE")
    restore.add_argument("--test", metavar="FILE")
    restore.add_argument("--latest", action="store_true")
    restore.add_argument("--confirm", metavar="NAME", help="the name of the production database")
    commands.add_parser("list", help="list dumps")
    sync = commands.add_parser("sync", help="fetch the latest dumps of another machine and restore them")
    sync.add_argument("--from", dest="source", metavar="USER@HOST")
    sync.add_argument("--confirm", metavar="NAME", help="the name of the production database")
    git = commands.add_parser("git", help="commit dumps")
    git.add_argument("--commit", action="store_true")
    git.add_argument("--message")
    git.add_argument("--push", action="store_true")
    git.add_argument("--remote", default="origin")
    git.add_argument("--branch")
    workflow = commands.add_parser("workflow", help="several steps")
    workflow.add_argument("--dump-and-commit", action="store_true")
    workflow.add_argument("--push-after-commit", action="store_true")
    workflow.add_argument("--sync-from-remote", metavar="USER@HOST")
    workflow.add_argument("--confirm", metavar="NAME", help="the name of the production database")
    return parser


def _dump(manager, given):
    both = given.all or not (given.prod or given.test)
    if given.prod or both:
        path = manager.dump_database(False, not given.no_timestamp, given.schemas)
        print(f"Production database dumped to: {path}")
    if given.test or both:
        path = manager.dump_database(True, not given.no_timestamp, given.schemas)
        print(f"Test database dumped to: {path}")
    return True


def _restore(manager, given):
    if given.latest:
        manager.restore_from_latest()
        print("Both databases restored from latest dumps")
        return True
    if not (given.prod or given.test):
        print("Nothing to restore: name --prod FILE, --test FILE or --latest", file=sys.stderr)
        return False
    if given.prod:
        manager.restore_database(given.prod, False)
        print(f"Production database restored from: {given.prod}")
    if given.test:
        manager.restore_database(given.test, True)
        print(f"Test database restored from: {given.test}")
    return True


def _list(manager, _):
    print("Available database dumps:")
    for title, names in zip(("Production", "Test"), manager.get_available_dumps().values()):
        print(f"{title}:")
        for name in names or ["none"]:
            print(f"  {name}")
    return True


def _sync(manager, given):
    manager.sync_from_dumps(given.source)
    print(f"Databases synchronized from {given.source or 'the latest dumps here'}")
    return True


def _commit(manager, message, push, remote="origin", branch=None):
    if not manager.commit_dumps_to_git(message):
        print("Nothing was committed", file=sys.stderr)
        return False
    print("Dumps committed")
    if not push:
        return True
    if not manager.push_to_remote(remote, branch):
        print(f"Dumps could not be pushed to {remote}", file=sys.stderr)
        return False
    print(f"Dumps pushed to {remote}")
    return True


def _git(manager, given):
    if not given.commit:
        print("Nothing to do: --push goes together with --commit", file=sys.stderr)
        return False
    return _commit(manager, given.message, given.push, given.remote, given.branch)


def _workflow(manager, given):
    if given.sync_from_remote:
        manager.sync_from_dumps(given.sync_from_remote)
        print(f"Databases synchronized from {given.sync_from_remote}")
    if given.dump_and_commit:
        manager.dump_all()
        print("Both databases dumped")
        return _commit(manager, None, given.push_after_commit)
    return bool(given.sync_from_remote)


_COMMANDS = {
    "dump": _dump, "restore": _restore, "list": _list, "sync": _sync, "git": _git, "workflow": _workflow,
}


def main(arguments=None):
    """Runs a command; gives the status of the process."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        manager = DatabaseSyncManager(confirm=getattr(given, "confirm", None))
        return 0 if _COMMANDS[given.command](manager, given) else 1
    except Exception as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
