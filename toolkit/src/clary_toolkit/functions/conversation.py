"""How one invocation crosses the unit's socket: a line of JSON, then `size` bytes, in both directions.

The other side is Clary's engine. Request: request_id, arn, timeout (seconds), client_context. Answer: outcome
(`ok`, `error`), log (base64, the last 4 KiB), spent (whether the unit should not be called again).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, BinaryIO

_LONGEST_HEAD = 64 * 1024
_LONGEST_BODY = 16 * 1024 * 1024


@dataclass(frozen=True)
class Invocation:
    """One call of the function."""

    request_id: str
    arn: str
    timeout: float
    client_context: str
    payload: bytes


def read_invocation(stream: BinaryIO) -> Invocation | None:
    """The next invocation, or None when the other side has nothing to say."""
    line = stream.readline(_LONGEST_HEAD)
    if not line.endswith(b"\n"):
        return None
    head = json.loads(line)
    size = int(head["size"])
    if size > _LONGEST_BODY:
        return None
    payload = stream.read(size)
    if len(payload) != size:
        return None
    return Invocation(
        str(head["request_id"]),
        str(head["arn"]),
        float(head["timeout"]),
        str(head.get("client_context") or ""),
        payload,
    )


def write_answer(stream: BinaryIO, payload: bytes, **head: Any) -> None:
    stream.write(json.dumps({**head, "size": len(payload)}).encode() + b"\n" + payload)
    stream.flush()
