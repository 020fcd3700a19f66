"""One row of a service's dispatch table: the function, and what permission a caller needs for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clary.services.context import Context

Handler = Callable[[Context, dict[str, Any]], dict[str, Any]]


def any_resource(_context: Context, _request: dict[str, Any]) -> str:
    """For operations that AWS authorises on `*`, such as lists."""
    return "*"


@dataclass(frozen=True, slots=True)
class Operation:
    """`action` defaults to `<service>:<OperationName>`; `open_to_all` needs a signature but no policy."""

    handler: Handler
    resource: Callable[[Context, dict[str, Any]], str] = any_resource
    action: str = ""
    open_to_all: bool = False
