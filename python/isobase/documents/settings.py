"""Which database, by the variables of the environment."""

from __future__ import annotations

import os

#: The names that a database is chosen by; an object that has some of them will do for ``Settings``.
NAMES = (
    "RECORDS_URL", "DATABASE_PROVIDER", "DATABASE_URL", "COUCHDB_URL", "COUCHDB_USER", "COUCHDB_PASSWORD",
    "FIRESTORE_PROJECT_ID", "DYNAMODB_REGION", "DYNAMODB_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION",
)


class Settings:
    """The variables of the environment when it is made; keywords go before them.

    Without any of them the documents are in memory.
    """

    def __init__(self, **given: str | None):
        unknown = given.keys() - set(NAMES)
        if unknown:
            raise TypeError(f"there is no setting {sorted(unknown)[0]!r}; known are {', '.join(NAMES)}")
        for name in NAMES:
            setattr(self, name, given[name] if name in given else os.environ.get(name))
        if not (self.RECORDS_URL or self.DATABASE_PROVIDER or self.DATABASE_URL):
            self.DATABASE_PROVIDER = "memory"


def named(settings) -> dict[str, str]:
    """The settings of an object or a mapping, as texts."""
    get = settings.get if hasattr(settings, "get") else lambda name: getattr(settings, name, None)
    found = {name: get(name) for name in NAMES}
    return {name: _text(value) for name, value in found.items() if value is not None}


def _text(value):
    # A secret of pydantic hides its value from str().
    return value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
