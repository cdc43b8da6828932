"""Statistics of statements."""

import asyncio

from isobase.database import DBConnector, QueryLogger, time_query


class UserService:
    """A service with a logger of its own."""

    def __init__(self):
        self.query_logger = QueryLogger(slow_threshold_ms=50)

    @time_query
    def get_user(self, query, params=None):
        """As if it asked a database."""
        return query, params


async def _statements():
    logger = QueryLogger(slow_threshold_ms=50)
    async with DBConnector("sqlite::memory:") as db:
        db.set_query_logger(logger)
        for number in range(5):
            await db.execute("SELECT $1", (number,), fetch_val=True)
    logger.print_summary()


def main():
    """Runs the example."""
    service = UserService()
    service.get_user("SELECT * FROM users WHERE id = $1", (5,))
    print("tables:", service.query_logger.get_stats()["table_access"])
    asyncio.run(_statements())
