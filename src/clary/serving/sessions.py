"""Stateful sessions: which replica holds a session is written into the id that the client gets.

A model server answers NEW_SESSION with `X-Amzn-SageMaker-New-Session-Id: ID; Expires=TIME`. The client is given
`ID-TAG`, where the tag stands for the replica; when it comes back, the tag leads there and the model server sees its
own id. So no door has to remember anything, and all doors agree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from clary.base.snapshots import Replica

NEW = "NEW_SESSION"
HEADER = b"x-amzn-sagemaker-session-id"
_GIVEN = frozenset({b"x-amzn-sagemaker-new-session-id", b"x-amzn-sagemaker-closed-session-id"})
_TAG_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Session:
    """What a request says: a new one (no `replica`), or `name` as the model server knows it and the replica's tag."""

    name: str
    replica: str | None = None


def read_session(text: str) -> Session:
    """A text that no door has given out leads to no replica."""
    if text == NEW:
        return Session(NEW)
    name, _, tag = text.rpartition("-")
    return Session(name, tag)


def tag_of(record: Replica) -> str:
    return hashlib.sha256(record.unit_id.encode()).hexdigest()[:_TAG_LENGTH]


def tagged(headers: list[tuple[bytes, bytes]], record: Replica) -> list[tuple[bytes, bytes]]:
    """The answer's headers with ids as clients are to send them."""
    return [(name, _with_tag(value, record) if name in _GIVEN else value) for name, value in headers]


def _with_tag(value: bytes, record: Replica) -> bytes:
    name, mark, expiry = value.partition(b";")
    return b"%b-%b%b%b" % (name.strip(), tag_of(record).encode(), mark, expiry)
