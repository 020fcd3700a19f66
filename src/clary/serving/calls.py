"""An invocation on its way, the answer it gets, and who waits for it. Made by the door, moved on by fleets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from clary.base.errors import ApiError

if TYPE_CHECKING:
    from clary.serving.replicas import Replica

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""

# What a container may see of the client's request; everything else stays in the door.
_PASSED = {
    b"content-type": b"Content-Type",
    b"accept": b"Accept",
    b"x-amzn-sagemaker-custom-attributes": b"X-Amzn-SageMaker-Custom-Attributes",
    b"x-amzn-sagemaker-inference-id": b"X-Amzn-SageMaker-Inference-Id",
    b"x-amzn-sagemaker-target-model": b"X-Amzn-SageMaker-Target-Model",
    b"x-amzn-sagemaker-session-id": b"X-Amzn-SageMaker-Session-Id",
    b"x-amzn-sagemaker-enable-explanations": b"X-Amzn-SageMaker-Enable-Explanations",
}


class Receiver(Protocol):
    """Who waits for the end of a call. Exactly one of the two is called, once; neither may raise."""

    def answered(self, variant: str, headers: Headers, body: bytes) -> None: ...

    def failed(self, error: ApiError) -> None: ...


class Call:
    """One invocation. `sent` counts how often its bytes went to a model server (at most twice)."""

    __slots__ = (
        "avoid",
        "deadline",
        "parked_at",
        "placed_at",
        "receiver",
        "replica",
        "request",
        "sent",
        "target",
    )

    def __init__(self, request: bytes, receiver: Receiver, target: str | None = None) -> None:
        self.request = request
        self.receiver: Receiver | None = receiver
        self.target = target
        self.sent = 0
        self.placed_at = 0.0
        self.parked_at = 0.0
        self.deadline = 0.0
        self.avoid: Replica | None = None
        self.replica: Replica | None = None

    def abandon(self) -> None:
        """Nobody waits any more: an answer still to come is read and dropped."""
        self.receiver = None


def build_request(fields: Mapping[bytes, bytes], body: bytes) -> bytes:
    """The bytes that a container gets; `fields` are the client's headers with names in lower case."""
    head = b"".join([b"%b: %b\r\n" % (name, fields[key]) for key, name in _PASSED.items() if key in fields])
    return b"POST /invocations HTTP/1.1\r\nHost: model\r\n%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
