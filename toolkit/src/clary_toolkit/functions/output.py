"""What the function prints: copied to this process's output as it comes, the last 4 KiB kept for the caller."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading

TAIL_BYTES = 4096


class Output:
    """One pipe for all processes of the function, one after the other. `write_end` is given to them."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._lock = threading.Lock()
        self._tail = b""
        self._ended = False

    def start(self) -> None:
        threading.Thread(target=self._pump, name="output", daemon=True).start()

    def begin(self, line: str) -> None:
        """A new invocation: what was printed before does not belong to its tail."""
        self.drain()
        with self._lock:
            self._tail = b""
        self.write(line)

    def write(self, line: str) -> None:
        with self._lock:
            self._pass_on(line.encode() + b"\n")

    def drain(self) -> None:
        """Take everything that has been printed up to now."""
        with self._lock:
            while chunk := self._read():
                self._pass_on(chunk)

    def tail(self) -> bytes:
        """Clients join the lines of what is one event by carriage returns."""
        with self._lock:
            return self._tail.replace(b"\r", b"\n")

    def close(self) -> None:
        """No process is left; the pipe's last end ends the pump."""
        os.close(self.write_end)

    def _pump(self) -> None:
        while not self._ended:
            select.select([self._read_end], [], [])
            self.drain()
        os.close(self._read_end)

    def _read(self) -> bytes:
        try:
            chunk = os.read(self._read_end, 65536)
        except BlockingIOError:
            return b""
        self._ended = not chunk
        return chunk

    def _pass_on(self, chunk: bytes) -> None:
        self._tail = (self._tail + chunk)[-TAIL_BYTES:]
        target = sys.stdout.fileno()
        with contextlib.suppress(OSError):
            while chunk:
                chunk = chunk[os.write(target, chunk) :]
