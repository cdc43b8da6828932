"""Decorators."""

import functools
import inspect
import logging
import sys

from isobase import _native
from isobase._waiting import in_loop

from .db_connector import DBConnector, SyncConnection, _Transaction

_log = logging.getLogger(__name__)


def _is_method(function):
    names = list(inspect.signature(function).parameters)
    return bool(names) and names[0] in ("self", "cls")


def _with_connection(function, args, connection):
    """The connection comes first, after ``self``."""
    if _is_method(function):
        return (args[0], connection, *args[1:])
    return (connection, *args)


def _in_celery_task():
    celery = sys.modules.get("celery")
    if celery is None:
        return False
    task = celery.current_task
    return bool(task) and task.request.id is not None


def with_db_connection(function=None, *, url=None, test=False):
    """Gives a function a connection in a transaction: commit on success, rollback on failure.

    Works on functions and methods, plain and ``async``. A Celery worker, which never runs an
    ``async def``, gets a plain function that runs to its end.
    """
    if function is None:
        return functools.partial(with_db_connection, url=url, test=test)

    async def run(args, kwargs):
        connector = DBConnector(url, test=test, max_size=1)
        try:
            async with _Transaction(connector._call) as connection:
                return await function(*_with_connection(function, args, connection), **kwargs)
        except Exception as error:
            _log.error("Database error in %s: %s", function.__name__, error)
            raise
        finally:
            await connector.close()

    def run_plain(args, kwargs):
        connector = DBConnector(url, test=test, max_size=1)
        try:
            native = connector._call("begin", {})
            try:
                connection = SyncConnection(native)
                result = function(*_with_connection(function, args, connection), **kwargs)
            except BaseException:
                native.call("rollback", {})
                raise
            native.call("commit", {})
            return result
        except Exception as error:
            _log.error("Database error in %s: %s", function.__name__, error)
            raise
        finally:
            connector._native.close()

    is_async = inspect.iscoroutinefunction(function)

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        if not is_async:
            return run_plain(args, kwargs)
        if not in_loop() and _in_celery_task():
            import asyncio

            return asyncio.run(run(args, kwargs))
        return run(args, kwargs)

    # Anyone who looks at the function, as Celery does, must not take it for one without a connection.
    signature = inspect.signature(function)
    given = list(signature.parameters.values())
    del given[1 if _is_method(function) else 0]
    wrapper.__signature__ = signature.replace(parameters=given)
    del wrapper.__wrapped__
    return wrapper


def split_sql(script):
    """The statements of a script."""
    return _native.split_script(script)


from .performance.query_logger import time_query  # noqa: E402  (the logger needs nothing of here)
from .testing.transaction_manager import with_transaction  # noqa: E402

__all__ = ["split_sql", "time_query", "with_db_connection", "with_transaction"]
