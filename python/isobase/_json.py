"""JSON whose numbers keep their digits."""

import datetime
import decimal
import enum
import json
import math
import uuid

_quoted = json.encoder.encode_basestring
_CONSTANTS = {None: "null", True: "true", False: "false"}


def dumps(value, as_text=None):
    """The JSON text of a value: decimals as numbers, moments, UUIDs and addresses as their text, a set as a list.

    Other types raise ``TypeError``, and numbers that JSON has not, and values that hold themselves, ``ValueError``:
    nothing is written as another value than the given one. ``as_text`` stands in for :func:`text`.
    """
    writer = _Writer(as_text or text)
    try:
        writer.write(value)
    except RecursionError:
        raise ValueError("the value is nested too deeply for JSON, or holds itself") from None
    return "".join(writer.parts)


def loads(text):
    """The value of a JSON text; a number with a fraction or an exponent is a ``Decimal``."""
    return json.loads(text, parse_float=decimal.Decimal)


def text(value):
    """The text that stands for a moment, a UUID or an address in JSON."""
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID) or type(value).__module__ == "ipaddress":
        return str(value)
    raise TypeError(f"a value of type {type(value).__name__} has no form in JSON")


class _Writer:
    def __init__(self, as_text):
        self._as_text = as_text
        self.parts = []

    def write(self, value):
        """Puts the text into ``parts``. Members of enumerations of texts and numbers are texts and numbers here."""
        if isinstance(value, str):
            self.parts.append(_quoted(value))
        elif value is None or value is True or value is False:
            self.parts.append(_CONSTANTS[value])
        elif isinstance(value, (int, float, decimal.Decimal)):
            self.parts.append(_number(value))
        elif isinstance(value, dict):
            self._object(value)
        elif isinstance(value, (list, tuple)):
            self._list(value)
        elif isinstance(value, (set, frozenset)):
            self._list(_sorted(value))
        elif hasattr(value, "keys"):
            self._object({key: value[key] for key in value.keys()})
        elif isinstance(value, enum.Enum):
            self.write(value.value)
        else:
            self.parts.append(_quoted(self._as_text(value)))

    def _list(self, values):
        separator = "["
        for value in values:
            self.parts.append(separator)
            self.write(value)
            separator = ", "
        self.parts.append("[]" if separator == "[" else "]")

    def _object(self, mapping):
        separator = "{"
        names = set()
        for key, value in mapping.items():
            name = _name(key)
            names.add(name)
            self.parts.append(f"{separator}{_quoted(name)}: ")
            self.write(value)
            separator = ", "
        if len(names) < len(mapping):
            raise ValueError("two names of an object are the same text")
        self.parts.append("{}" if separator == "{" else "}")


def _sorted(values):
    try:
        return sorted(values)
    except TypeError:
        # Of several types: any order will do that is the same each time.
        return sorted(values, key=dumps)


def _number(value):
    if isinstance(value, int):
        return int.__repr__(value)
    is_float = isinstance(value, float)
    if not (math.isfinite(value) if is_float else value.is_finite()):
        raise ValueError(f"{value} has no form in JSON")
    return float.__repr__(value) if is_float else format(value, "f")


def _name(key):
    if type(key) is str:
        return key
    if isinstance(key, enum.Enum) and not isinstance(key, (str, int)):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, uuid.UUID):
        return str(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return int.__repr__(key)
    raise TypeError(f"a name in JSON is a text, not a value of type {type(key).__name__}")
