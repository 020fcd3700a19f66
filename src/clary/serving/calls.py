"""An invocation on its way, the answer it gets, and who waits for it. Made by the door, moved on by fleets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from clary.base.errors import ApiError
from clary.serving.sessions import Session

if TYPE_CHECKING:
    from clary.serving.connection import Connection
    from clary.serving.replicas import Replica

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""

# What a container may see of the client's request; everything else stays in the door.
_PASSED = {
    b"content-type": b"Content-Type",
    b"x-amzn-sagemaker-custom-attributes": b"X-Amzn-SageMaker-Custom-Attributes",
    b"x-amzn-sagemaker-inference-id": b"X-Amzn-SageMaker-Inference-Id",
    b"x-amzn-sagemaker-session-id": b"X-Amzn-SageMaker-Session-Id",
}


# Streamed calls name the wanted type in a header of their own, because Accept means the event stream there.
_STREAMED_ACCEPT = b"x-amzn-sagemaker-accept"


class Receiver(Protocol):
    """Who waits for the end of a call: `answered` or `failed`, once; none of these may raise.

    A large answer, and each of a streamed call, comes as `began`, `part`, ..., `ended` instead, or `failed` in the
    middle. `Call.hold` asks for a pause.
    """

    def answered(self, variant: str, headers: Headers, body: bytes) -> None: ...

    def began(self, variant: str, headers: Headers) -> None: ...

    def part(self, data: bytes) -> None: ...

    def ended(self) -> None: ...

    def failed(self, error: ApiError) -> None: ...


class Body(Protocol):
    """A body that is too large for `Call.request`. Read once more when the call is sent again."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes:
        """Blocks; called in threads. OSError when the disk does not give it."""


class Call:
    """One invocation. `sent` counts how often its bytes went to a model server (at most twice).

    `streamed`: parts of the answer are wanted as they come. `session` is what the client said about sessions.
    `received_at` is when its first byte came, on time.monotonic's clock (the event loop's tells milliseconds only).
    `patience` is how long the model may be silent, in seconds.
    """

    __slots__ = (
        "avoid",
        "body",
        "connection",
        "deadline",
        "parked_at",
        "patience",
        "placed_at",
        "received_at",
        "receiver",
        "replica",
        "request",
        "sent",
        "session",
        "streamed",
        "target",
    )

    def __init__(
        self,
        request: bytes,
        receiver: Receiver,
        target: str | None = None,
        *,
        body: Body | None = None,
        streamed: bool = False,
        session: Session | None = None,
        received_at: float = 0.0,
    ) -> None:
        self.request = request
        self.body = body
        self.streamed = streamed
        self.session = session
        self.receiver: Receiver | None = receiver
        self.target = target
        self.sent = 0
        self.placed_at = 0.0
        self.received_at = received_at
        self.parked_at = 0.0
        self.deadline = 0.0
        self.patience = 0.0
        self.avoid: Replica | None = None
        self.replica: Replica | None = None
        self.connection: Connection | None = None

    @property
    def wish(self) -> tuple[str | None, str | None]:
        """Variant and replica that it insists on."""
        return self.target, self.session.replica if self.session is not None else None

    def abandon(self) -> None:
        """Nobody waits any more: a small answer still to come is read and dropped, all else is broken off."""
        self.receiver = None
        if self.connection is not None and (self.streamed or self.body is not None or self.connection.began):
            self.connection.give_up()

    def hold(self, hold: bool) -> None:
        """Pause an answer that has begun."""
        if self.connection is not None:
            self.connection.hold_answer(hold)


def build_request(
    fields: Mapping[bytes, bytes], body: bytes, *, length: int | None = None, streamed: bool = False
) -> bytes:
    """The bytes that a container gets; `fields` are the client's headers with names in lower case.

    `length` is the size of a body that is sent behind these bytes.
    """
    accept = _STREAMED_ACCEPT if streamed else b"accept"
    lines = [b"%b: %b\r\n" % (name, fields[key]) for key, name in _PASSED.items() if key in fields]
    if accept in fields:
        lines.append(b"Accept: %b\r\n" % fields[accept])
    size = len(body) if length is None else length
    return b"POST /invocations HTTP/1.1\r\nHost: model\r\n%bContent-Length: %d\r\n\r\n%b" % (
        b"".join(lines),
        size,
        body,
    )
