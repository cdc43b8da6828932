"""The native half. What it offers is offered by the modules of the package."""

from typing import Any

def __getattr__(name: str) -> Any: ...
