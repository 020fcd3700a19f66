"""An invocation over the socket of a function's unit. The other side is clary_toolkit/functions.

Both directions: a line of JSON that ends with `size`, then so many bytes.
"""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

from clary.base.errors import ClaryError
from clary.store.functions import FunctionCall, FunctionOutcome

_LONGEST_HEAD = 64 * 1024
_LONGEST_PAYLOAD = 16 * 1024 * 1024
_POLL_SECONDS = 0.005
_PATIENCE = 120.0  # beyond the function's own time: its start, and a machine under load


class HostGone(ClaryError):
    """The unit has ended, or does not answer. `begun`: it may have worked on the invocation already."""

    def __init__(self, begun: bool) -> None:
        super().__init__("the process of the function is gone")
        self.begun = begun


def await_socket(path: Path, alive: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until the unit listens. Raises HostGone when it ends before, or takes too long."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline or not alive():
            raise HostGone(begun=False)
        time.sleep(_POLL_SECONDS)


def converse(path: Path, call: FunctionCall) -> FunctionOutcome:
    """One invocation. Raises HostGone."""
    timeout = float(call.document["configuration"]["Timeout"])
    head = {
        "request_id": call.request_id,
        "arn": call.arn,
        "timeout": timeout,
        "client_context": call.client_context,
        "size": len(call.payload),
    }
    begun = False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout + _PATIENCE)
        try:
            connection.connect(str(path))
            begun = True
            connection.sendall(json.dumps(head).encode() + b"\n" + call.payload)
            with connection.makefile("rb") as stream:
                return _read(stream.readline(_LONGEST_HEAD), stream.read)
        except OSError as error:
            raise HostGone(begun) from error


def _read(line: bytes, read: Callable[[int], bytes]) -> FunctionOutcome:
    """What comes from a unit is as hostile as the function: bounded, and broken means gone."""
    try:
        head = json.loads(line)
        size, failed, log = int(head["size"]), head["outcome"] != "ok", base64.b64decode(head["log"])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise HostGone(begun=True) from error
    payload = read(size) if 0 <= size <= _LONGEST_PAYLOAD else b""
    if len(payload) != size:
        raise HostGone(begun=True)
    return FunctionOutcome(payload, failed, log[-4096:], spent=bool(head.get("spent")))
