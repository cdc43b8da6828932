"""Server-sent events, read as the standard says, with what a client needs to come back."""

from __future__ import annotations

import codecs
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from .errors import ClientError, refused

#: Characters of one event; the service's own are far smaller.
EVENT_MAX = 64 << 20
PAUSE_FIRST_S = 0.5
PAUSE_MAX_S = 30.0


class Event(NamedTuple):
    """An event of the service: ``item_created``, ``gap`` and so on."""

    type: str
    data: Any
    #: The place in the feed after it: ``since`` of another stream.
    id: str | None


class Parser:
    """Bytes in, events out. An event that is cut off is none, and does not move the position."""

    def __init__(self):
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._after_cr = False
        self._begin()
        self.retry_s: float | None = None

    def _begin(self):
        self._type, self._data, self._id, self._size = "message", [], None, 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str, str | None]]:
        """Type, data and id of every event that is whole by now."""
        text = self._decoder.decode(chunk)
        if self._after_cr and text:
            # The other half of a line end whose first half ended the chunk before.
            text = text[1:] if text[0] == "\n" else text
        if text:
            self._after_cr = text[-1] == "\r"
        text = self._rest + text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, self._rest = text.split("\n")
        if len(self._rest) + self._size > EVENT_MAX:
            raise ClientError(f"an event of more than {EVENT_MAX} characters")
        for line in lines:
            if line:
                self._line(line)
                continue
            if self._data:
                yield self._type, "\n".join(self._data), self._id
            self._begin()

    def _line(self, line):
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        self._size += len(value)
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_s = int(value) / 1000


class Position:
    """Where a stream is, and how long to wait before the next try."""

    def __init__(self, target, since):
        self.target = target
        self.seen = since
        self._pause = PAUSE_FIRST_S
        self._parser = Parser()

    def headers(self):
        """Those of the next try."""
        self._parser = Parser()
        headers = {"accept": "text/event-stream", "cache-control": "no-store"}
        if self.seen:
            headers["last-event-id"] = str(self.seen)
        return headers

    def events(self, chunk, loads):
        """The events of a chunk, without pings. The position moves after each."""
        for kind, data, id in self._parser.feed(chunk):
            self._pause = PAUSE_FIRST_S
            if kind != "ping":
                yield Event(kind, loads(data), id or self.seen)
            self.seen = id or self.seen

    def refused(self, status, problem, retry_after):
        """Raises what another try would not change; else gives how long to wait."""
        error = refused(status, problem, retry_after)
        if status < 500 and status not in (408, 429):
            raise error
        return self.pause(error.retry_after_s)

    def pause(self, least=None):
        """Seconds until the next try. A part is left to chance: clients that lost the service together come
        back one after another."""
        pause = self._parser.retry_s if self._parser.retry_s is not None else self._pause
        self._pause = min(self._pause * 2, PAUSE_MAX_S)
        return max(least or 0.0, pause * random.uniform(0.5, 1.5))
