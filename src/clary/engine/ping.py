"""Asking a model server whether it can serve: GET /ping over its unix socket."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

_SECONDS = 2.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(str(self._path))


def answers_ping(path: Path) -> bool:
    """True when /ping answers 200 within two seconds, as SageMaker asks of a container."""
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
