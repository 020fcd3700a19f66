"""One request on its way through the chain. Handlers fill it in from left to right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clary.access.callers import Caller
from clary.base import ids
from clary.wire.http import RequestHead, Response
from clary.wire.routing import Target
from clary.wire.sigv4 import Signature

Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class Call:
    """`at` is when the caller was found. `body` is bytes, or a `store.blobs.Incoming` for payloads that stream."""

    head: RequestHead
    receive: Receive
    request_id: str = field(default_factory=ids.request_id)
    target: Target | None = None
    signature: Signature | None = None
    caller: Caller | None = None
    at: datetime | None = None
    signing_key: bytes = field(default=b"", repr=False)
    body: Any = None
    parameters: dict[str, Any] = field(default_factory=dict)
    response: Response | None = None

    @property
    def known_target(self) -> Target:
        """The operation; handlers behind `identify` may rely on it."""
        if self.target is None:
            raise AssertionError("the call has not been identified yet")
        return self.target

    @property
    def known_caller(self) -> Caller:
        """Who calls; handlers behind `authenticate` may rely on it."""
        if self.caller is None:
            raise AssertionError("the call has not been authenticated yet")
        return self.caller

    @property
    def known_response(self) -> Response:
        """The answer; who comes after the handler may rely on it."""
        if self.response is None:
            raise AssertionError("the call has not been answered yet")
        return self.response

    @property
    def region(self) -> str:
        return self.signature.region if self.signature else ""
