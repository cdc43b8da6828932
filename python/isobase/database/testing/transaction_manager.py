"""A transaction around a test."""

from __future__ import annotations

import functools
import inspect

from isobase.database.db_connector import DBConnector, SyncConnection, _test_transaction
from isobase.database.errors import InvalidValueError


class TestTransactionManager(SyncConnection):
    """``with TestTransactionManager() as txn``: rolls back at the end, always; ``commit=True`` commits
    unless there was an exception. Of the test database, unless a connection string says another."""

    __test__ = False

    def __init__(self, connection_string=None, connection=None, commit=False):
        self._connector = connection or DBConnector(connection_string, test=True, max_size=1)
        self._owned = connection is None
        self.connection_url = self._connector.connection_url
        self.commits = commit
        self._savepoints = []
        self._token = None
        super().__init__(None)

    def __enter__(self):
        self._native = self._connector._call("begin", {})
        self._token = _test_transaction.set(self)
        return self

    def __exit__(self, kind, error, trace):
        _test_transaction.reset(self._token)
        try:
            self._ask("commit" if self.commits and kind is None else "rollback")
        finally:
            if self._owned:
                self._connector._native.close()
        return False

    async def __aenter__(self):
        return self.__enter__()

    async def __aexit__(self, *what):
        return self.__exit__(*what)

    def create_savepoint(self, name=None) -> str:
        """Marks a point; without a name ``sp_1``, ``sp_2``, … Gives the name."""
        name = name or f"sp_{len(self._savepoints) + 1}"
        self._ask("savepoint", name=name)
        self._savepoints.append(name)
        return name

    def rollback_to_savepoint(self, name=None) -> None:
        """Goes back to a point, the last one if none is named. It stays usable."""
        place = self._place(name)
        self._ask("rollback_to", name=self._savepoints[place])
        del self._savepoints[place + 1 :]

    def release_savepoint(self, name=None) -> None:
        """Forgets a point and those after it."""
        place = self._place(name)
        self._ask("release", name=self._savepoints[place])
        del self._savepoints[place:]

    def _place(self, name):
        if name is None:
            if not self._savepoints:
                raise InvalidValueError("No savepoints available")
            return len(self._savepoints) - 1
        if name not in self._savepoints:
            raise InvalidValueError(f"Savepoint {name} not found")
        return len(self._savepoints) - 1 - self._savepoints[::-1].index(name)


def with_transaction(function=None, *, commit=False, connection_string=None):
    """Runs a test in a transaction that is rolled back. A function gets it as its first parameter,
    a method after ``self`` when it has a parameter ``txn``. Operators with ``test_mode="e2e"`` work
    inside it either way."""
    if function is None:
        return functools.partial(with_transaction, commit=commit, connection_string=connection_string)
    signature = inspect.signature(function)
    names = list(signature.parameters)
    is_method = bool(names) and names[0] in ("self", "cls")
    at = 1 if is_method else 0
    wants = len(names) > at and (not is_method or names[at] in ("txn", "transaction"))

    def manager():
        return TestTransactionManager(connection_string, commit=commit)

    def arguments(args, txn):
        return (*args[:at], txn, *args[at:]) if wants else args

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args, **kwargs):
            with manager() as txn:
                return await function(*arguments(args, txn), **kwargs)

    else:

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            with manager() as txn:
                return function(*arguments(args, txn), **kwargs)

    # pytest would take the parameter for a fixture.
    kept = [p for place, p in enumerate(signature.parameters.values()) if not (wants and place == at)]
    wrapper.__signature__ = signature.replace(parameters=kept)
    del wrapper.__wrapped__
    return wrapper
