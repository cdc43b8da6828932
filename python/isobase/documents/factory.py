"""One service per process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from .service import DatabaseService, IsobaseDatabaseService
from .settings import Settings

_lock = threading.Lock()
#: The process and its service; a child of fork gets its own.
_made: tuple[int, DatabaseService] | None = None
_providers: dict[str, Callable[[Any], DatabaseService]] = {}


def register_provider(name: str, make: Callable[[Any], DatabaseService]) -> None:
    """Has ``DATABASE_PROVIDER=name`` mean a service of yours, which ``make(settings)`` gives."""
    _providers[name.lower()] = make


def get_database_service(settings: Any = None) -> DatabaseService:
    """The service of this process, made when it is first asked for; later settings are not looked at.

    ``settings`` is :class:`Settings`, or any object with its names. Raises ``ValueError`` when they name no
    database, and ``ConnectionError`` when it cannot be reached.
    """
    global _made
    with _lock:
        if _made is not None and _made[0] == os.getpid():
            return _made[1]
        settings = Settings() if settings is None else settings
        provider = str(getattr(settings, "DATABASE_PROVIDER", None) or "").lower()
        make = None if getattr(settings, "RECORDS_URL", None) else _providers.get(provider)
        service = IsobaseDatabaseService(settings=settings) if make is None else make(settings)
        _made = (os.getpid(), service)
        return service


def close_database_service() -> None:
    """Closes the service of this process: the next one may have other settings. For tests, and at the end."""
    global _made
    with _lock:
        made, _made = _made, None
    if made is not None and made[0] == os.getpid() and hasattr(made[1], "close"):
        made[1].close()
