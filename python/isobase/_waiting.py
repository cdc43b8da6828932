"""Waiting for the native half: in an event loop, or on the spot."""

import asyncio


def _set_result(future, value):
    if not future.done():
        future.set_result(value)


def _set_exception(future, error):
    if not future.done():
        future.set_exception(error)


async def later(call, operation, arguments):
    """The answer, through the running loop. Cancelling it cancels the statement."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    task = call(operation, arguments, loop, future)
    try:
        return await future
    except BaseException:
        task.cancel()
        raise


def in_loop():
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
