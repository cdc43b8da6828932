"""Dumps and restores the production and the test database."""

from __future__ import annotations

import functools
import logging
import os
import urllib.parse

from isobase import _native
from isobase.database.errors import DatabaseError, FileError, InvalidValueError, MissingFileError

_log = logging.getLogger(__name__)

#: Holds the name of the production database where no one is there to type it.
CONFIRM_VARIABLE = "ISOBASE_CONFIRM_PRODUCTION"


def _as_runtime_error(method):
    """What the database or its programs refuse is a ``RuntimeError``, as the specification has it."""

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except (InvalidValueError, FileError, MissingFileError):
            raise
        except DatabaseError as error:
            raise RuntimeError(str(error)) from error

    return wrapper


def _place(url):
    """Host, port and name of a database."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or "localhost"
    name = urllib.parse.unquote(parts.path.strip("/"))
    return "localhost" if host in ("127.0.0.1", "::1") else host, parts.port or 5432, name


def _tables(tables, schema="public"):
    pairs = [table.rpartition(".") for table in tables]
    return [(own or schema, table) for own, _, table in pairs]


class DatabaseSyncManager:
    """Dumps lie in ``db_dumps`` of ``repo_root``, or of the working directory.

    Production is restored only when ``confirm`` is the name of its database, or the variable
    ``ISOBASE_CONFIRM_PRODUCTION`` holds it. Dumps are made and restored by ``pg_dump`` and ``psql`` where they are
    at least as new as the server, else by the package itself; ``built_in`` asks for one or the other.
    """

    def __init__(self, repo_root=None, *, production_url=None, test_url=None, confirm=None, built_in=None):
        self.production_url = production_url or _native.url_from_environment(False)
        self.test_url = test_url or _native.url_from_environment(True)
        self.confirm = confirm or os.environ.get(CONFIRM_VARIABLE)
        self._built_in = built_in
        self._native = _native.Sync(os.fspath(repo_root or os.getcwd()), self.production_url, self.test_url, built_in)

    @property
    def dumps_dir(self) -> str:
        """The folder of the dumps."""
        return os.fspath(self._native.folder)

    @_as_runtime_error
    def dump_database(self, is_test_db=False, include_timestamp=True, schemas=None) -> str:
        """Dumps a database; gives the path."""
        return str(self._native.dump(is_test_db, include_timestamp, list(schemas or ())))

    def dump_all(self, include_timestamp=True, schemas=None) -> tuple[str, str]:
        """Dumps both; gives both paths."""
        schemas = schemas or {}
        production = self.dump_database(False, include_timestamp, schemas.get("prod"))
        return production, self.dump_database(True, include_timestamp, schemas.get("test"))

    @_as_runtime_error
    def restore_database(self, dump_path, is_test_db=False) -> bool:
        """Restores a dump, wholly or not at all; its rows are compared afterwards."""
        self._native.restore(os.fspath(dump_path), is_test_db, self.confirm)
        return True

    def restore_all(self, prod_dump, test_dump) -> bool:
        """Restores both."""
        return self.restore_database(prod_dump, False) and self.restore_database(test_dump, True)

    @_as_runtime_error
    def restore_from_latest(self) -> bool:
        """Restores the latest dump of both."""
        self._native.restore_latest(self.confirm)
        return True

    @_as_runtime_error
    def sync_from_dumps(self, target=None) -> bool:
        """Fetches the latest dumps of ``user@host`` and restores them; without it, those here."""
        self._native.sync_from(target, self.confirm)
        return True

    def get_available_dumps(self) -> dict[str, list[str]]:
        """``{"prod": […], "test": […]}``, the newest first."""
        production, test = self._native.available()
        return {"prod": production, "test": test}

    def commit_dumps_to_git(self, message=None) -> bool:
        """Commits the dumps; False on a failure, or when there is nothing new."""
        try:
            return self._native.commit(message)
        except (RuntimeError, FileNotFoundError) as error:
            _log.error("%s", error)
            return False

    def push_to_remote(self, remote="origin", branch=None) -> bool:
        """Pushes; False on a failure."""
        try:
            self._native.push(remote, branch)
        except Exception as error:
            _log.error("%s", error)
            return False
        return True

    @_as_runtime_error
    def create_dump(self, output_file, schemas=None, include_schemas=True, include_data=True, is_test_db=False) -> str:
        """Dumps a database into a file."""
        if not include_schemas and not include_data:
            raise ValueError("a dump has schemas, data, or both")
        parts = "all" if include_schemas and include_data else "structure" if include_schemas else "rows"
        self._native.dump_into(is_test_db, os.fspath(output_file), list(schemas or ()), parts)
        return str(output_file)

    def restore_dump(self, file, is_test_db=True) -> bool:
        """Restores a file, into the test database unless told otherwise."""
        return self.restore_database(file, is_test_db)

    @_as_runtime_error
    def sync_tables(self, source_db="prod", target_db=None, tables=(), schemas=None, *, schema=None) -> int:
        """Replaces the rows of tables in one database by those in another, all or none; gives their number:
        ``sync_tables("prod", "test", ["prompts"], ["public"])``. A database is ``"prod"``, ``"test"`` or a URL;
        ``sync_tables(["prompts"], "public")`` goes from production to the test database."""
        if not isinstance(source_db, str):
            source_db, target_db, tables, schemas = "prod", None, source_db, target_db
        schemas = schemas or schema or "public"
        schemas = [schemas] if isinstance(schemas, str) else list(schemas)
        names = dict.fromkeys(name for schema in schemas for name in _tables(tables, schema))
        if not names:
            raise InvalidValueError("no tables are named")
        return self._between(source_db, target_db or "test").sync_tables(list(names))

    @_as_runtime_error
    def clone_structure(self, source="prod", target="test") -> bool:
        """Makes one database anew with the structure of another and no rows; nothing of it stays. A database is
        ``"prod"``, ``"test"`` or a URL."""
        self._between(source, target).refresh([])
        return True

    def _between(self, source, target):
        source, target = self._url(source), self._url(target)
        place = _place(target)
        if place == _place(source):
            raise InvalidValueError(f"source and target are the same database, {place[2]!r}")
        if place == _place(self.production_url) and self.confirm != place[2]:
            raise InvalidValueError(
                f"production is not overwritten without its name: confirm with '{place[2]}'"
            )
        return _native.Sync(os.path.dirname(self.dumps_dir), source, target, self._built_in)

    def _url(self, database):
        if "://" in database:
            return database
        urls = {"prod": self.production_url, "production": self.production_url, "test": self.test_url}
        if database not in urls:
            raise InvalidValueError(f"a database is 'prod', 'test' or a URL, not {database!r}")
        return urls[database]

    @_as_runtime_error
    def refresh_test_db(self, tables=("object_models", "prompts")) -> int:
        """The test database anew: production's structure, and the rows of some tables."""
        return self._native.refresh(_tables(tables))
