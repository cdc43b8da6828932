"""How long statements take."""

from .query_logger import QueryLogger, time_query

__all__ = ["QueryLogger", "time_query"]
