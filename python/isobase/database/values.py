"""Values that Python has no type for."""

from __future__ import annotations

from typing import Any


class Range:
    """A range of PostgreSQL: its bounds, None where a side is open to infinity. ``Range(1, 5)`` includes 1 and
    excludes 5. Ranges of asyncpg and psycopg are taken as parameters, too."""

    __slots__ = ("isempty", "lower", "lower_inc", "upper", "upper_inc")

    def __init__(
        self, lower: Any = None, upper: Any = None, *, lower_inc: bool = True, upper_inc: bool = False,
        empty: bool = False,
    ):
        made = object.__setattr__
        made(self, "isempty", empty)
        made(self, "lower", None if empty else lower)
        made(self, "upper", None if empty else upper)
        made(self, "lower_inc", not empty and lower is not None and lower_inc)
        made(self, "upper_inc", not empty and upper is not None and upper_inc)

    def __setattr__(self, name, value):
        raise AttributeError("a range does not change")

    __delattr__ = __setattr__

    @property
    def lower_inf(self) -> bool:
        """Whether it has no lower bound."""
        return not self.isempty and self.lower is None

    @property
    def upper_inf(self) -> bool:
        """Whether it has no upper bound."""
        return not self.isempty and self.upper is None

    def __contains__(self, value: Any) -> bool:
        if self.isempty:
            return False
        if self.lower is not None and not (self.lower < value or (self.lower_inc and self.lower == value)):
            return False
        return self.upper is None or value < self.upper or (self.upper_inc and self.upper == value)

    def __bool__(self) -> bool:
        return not self.isempty

    def _key(self):
        return self.lower, self.upper, self.lower_inc, self.upper_inc, self.isempty

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Range) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self):
        return _made, self._key()

    def __repr__(self) -> str:
        if self.isempty:
            return "Range(empty=True)"
        left, right = "[" if self.lower_inc else "(", "]" if self.upper_inc else ")"
        return f"<Range {left}{self.lower!r}, {self.upper!r}{right}>"


class Multirange(list):
    """Ranges that neither meet nor overlap: a list of :class:`Range`."""

    __slots__ = ()


def _made(lower, upper, lower_inc, upper_inc, empty):
    return Range(lower, upper, lower_inc=lower_inc, upper_inc=upper_inc, empty=empty)
