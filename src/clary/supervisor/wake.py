"""Signals as bytes on a socket, so that one select waits for everything."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Iterator
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_POKE = 0  # no signal has this number


class Wake:
    """What woke the supervisor up. `poke` may be called from any thread."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """For signal.set_wakeup_fd."""
        return self._writer.fileno()

    def poke(self) -> None:
        with contextlib.suppress(OSError):
            self._writer.send(bytes([_POKE]))

    def wait(self, seconds: float) -> tuple[int, bool]:
        """(number of a stop signal or 0, whether somebody poked), after at most `seconds`."""
        readable, _, _ = select.select([self._reader], [], [], max(seconds, 0.0))
        numbers = self._reader.recv(256) if readable else b""
        stop = next((number for number in numbers if number in STOP_SIGNALS), 0)
        return stop, _POKE in numbers

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


@contextlib.contextmanager
def catch_signals() -> Iterator[Wake]:
    """Stop signals and SIGCHLD only wake up; what was set before comes back at the end."""
    wake = Wake()
    before = {number: signal.signal(number, _ignore) for number in (*STOP_SIGNALS, signal.SIGCHLD)}
    descriptor = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    try:
        yield wake
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        wake.close()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The byte on the socket is all that is wanted; SIG_IGN would be inherited by children."""
