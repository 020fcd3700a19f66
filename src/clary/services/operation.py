"""One row of a service's dispatch table: the function, and what permission a caller needs for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary.access.evaluation import Document
from clary.services.context import Context

Request = dict[str, Any]
Answer = dict[str, Any]
Handler = Callable[[Context, Request], Answer]


def any_resource(_context: Context, _request: Request) -> str:
    """For operations that AWS authorises on `*`, such as lists."""
    return "*"


@dataclass(frozen=True, slots=True)
class Operation:
    """`action` defaults to `<service>:<OperationName>`; `open_to_all` needs a signature but no policy.

    `policies` finds the policies of the resource itself (a queue's, a topic's), which count together with the
    caller's own; `keys` finds condition keys that follow from the resource (whose it is, where its ARN does not say).
    `waits` marks handlers that wait for somebody else's work (Invoke of a function): they get threads
    of their own. `hold` tells how many seconds an answer is worth waiting for something better: the handler is
    called again whenever something has changed, until it returns 0 or the time is over (long polling).
    """

    handler: Handler
    resource: Callable[[Context, Request], str] = any_resource
    action: str = ""
    open_to_all: bool = False
    policies: Callable[[Context, Request], Sequence[Document]] | None = None
    keys: Callable[[Context, Request], Mapping[str, Any]] | None = None
    waits: bool = False
    hold: Callable[[Request, Answer], float] | None = None
