"""Waiting for the native half: in an event loop of asyncio or trio, or on the spot."""

import asyncio
import sys


def _set_result(future, value):
    if not future.done():
        future.set_result(value)


def _set_exception(future, error):
    if not future.done():
        future.set_exception(error)


async def later(call, operation, arguments):
    """The answer, through the running loop. Cancelling it cancels the statement."""
    if _in_trio():
        return await _later_in_trio(call, operation, arguments)
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
        return _in_trio()
    return True


def _in_trio():
    trio = sys.modules.get("trio")
    return trio is not None and trio.lowlevel.in_trio_run()


async def _later_in_trio(call, operation, arguments):
    answer = _TrioAnswer(sys.modules["trio"])
    task = call(operation, arguments, answer, answer)
    try:
        await answer.came.wait()
    except BaseException:
        task.cancel()
        raise
    return answer.read()


class _TrioAnswer:
    """A loop and a future of asyncio, as far as the native half asks for them."""

    def __init__(self, trio):
        self._token = trio.lowlevel.current_trio_token()
        self._value = self._error = None
        self.came = trio.Event()

    def call_soon_threadsafe(self, function, *arguments):
        self._token.run_sync_soon(function, *arguments)

    def done(self):
        return self.came.is_set()

    def set_result(self, value):
        self._value = value
        self.came.set()

    def set_exception(self, error):
        self._error = error
        self.came.set()

    def read(self):
        if self._error is not None:
            raise self._error
        return self._value
