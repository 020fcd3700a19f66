"""The datagram socket on which shims say "look at my unit". A hint: losing one costs at most a second."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

_LONGEST_UNIT_ID = 512


class WakeListener:
    """Calls `on_unit(unit_id)` from its own thread for every datagram."""

    def __init__(self, path: Path, on_unit: Callable[[str], None]) -> None:
        self._path = path
        self._on_unit = on_unit
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._run, name="wake", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """An empty datagram ends the thread."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", str(self._path))
        self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            message = self._socket.recv(_LONGEST_UNIT_ID)
            if not message:
                return
            self._on_unit(message.decode(errors="replace"))
