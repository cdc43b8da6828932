"""JSON whose numbers keep their digits."""

import datetime
import decimal
import json
import uuid


def _default(value):
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "keys"):
        return {key: value[key] for key in value.keys()}
    if hasattr(value, "value"):
        return value.value
    return str(value)


def dumps(value):
    """The JSON text of a value; not-a-number is refused, as JSON has none."""
    raw = {}

    def mark(inner):
        if isinstance(inner, decimal.Decimal):
            if not inner.is_finite():
                raise ValueError(f"{inner} has no form in JSON")
            key = f"\x00{len(raw)}\x00"
            raw[key] = format(inner, "f")
            return key
        if isinstance(inner, dict):
            return {key: mark(one) for key, one in inner.items()}
        if isinstance(inner, (list, tuple)):
            return [mark(one) for one in inner]
        return inner

    text = json.dumps(mark(value), default=_default, ensure_ascii=False, allow_nan=False)
    for key, digits in raw.items():
        text = text.replace(json.dumps(key), digits)
    return text


def loads(text):
    """The value of a JSON text; a number with a fraction or an exponent is a ``Decimal``."""
    return json.loads(text, parse_float=decimal.Decimal)
