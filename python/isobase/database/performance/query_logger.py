"""Notes statements."""

from __future__ import annotations

import functools
import inspect
import os
import time
from typing import Any

from isobase import _native


class QueryLogger:
    """Notes statements with their times; slow means strictly longer than the threshold."""

    def __init__(self, slow_threshold_ms=100):
        self.slow_threshold_ms = slow_threshold_ms
        self._native = _native.Logger(float(slow_threshold_ms))

    def log_query(self, query, params=None, execution_time_ms=0) -> None:
        """Notes a statement; what is no text is noted as its text."""
        params = () if params is None else params if isinstance(params, (tuple, list)) else (params,)
        self._native.log_query(str(query), tuple(map(_plain, params)), float(execution_time_ms or 0))

    def get_stats(self) -> dict[str, Any]:
        """``count``, ``table_access``, ``performance`` and ``slow_query_count``."""
        return self._native.stats()

    def get_slow_queries(self, threshold_ms=None) -> list[dict[str, Any]]:
        """The slow statements."""
        slow = self._native.slow(None if threshold_ms is None else float(threshold_ms))
        return [{"query": query, "params": params, "execution_time": time} for query, params, time in slow]

    def export_to_json(self, path) -> None:
        """Writes statements and statistics."""
        self._native.export_to_json(os.fspath(path))

    def export_to_csv(self, path) -> None:
        """Writes statements."""
        self._native.export_to_csv(os.fspath(path))

    def print_summary(self) -> None:
        """Prints the statistics."""
        print(self._native.summary())

    def clear(self) -> None:
        """Forgets everything."""
        self._native.clear()


def _plain(value):
    simple = value is None or isinstance(value, (bool, int, float, str, bytes))
    return value if simple else str(value)


def time_query(function):
    """Notes the calls of a method in its ``query_logger``, which is made if it is missing. The first
    argument, or ``query=``, is the statement."""

    def note(owner, args, kwargs, began):
        logger = getattr(owner, "query_logger", None)
        if logger is None:
            logger = QueryLogger()
            try:
                owner.query_logger = logger
            except AttributeError:
                return
        query = kwargs.get("query", args[0] if args else function.__name__)
        took = (time.perf_counter() - began) * 1000
        logger.log_query(query, kwargs.get("params", args[1] if len(args) > 1 else None), took)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(self, *args, **kwargs):
            began = time.perf_counter()
            try:
                return await function(self, *args, **kwargs)
            finally:
                note(self, args, kwargs, began)

    else:

        @functools.wraps(function)
        def wrapper(self, *args, **kwargs):
            began = time.perf_counter()
            try:
                return function(self, *args, **kwargs)
            finally:
                note(self, args, kwargs, began)

    return wrapper
