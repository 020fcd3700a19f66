"""Running one program in the foreground: its output streamed unbuffered, its last lines kept, SIGTERM passed on.

Used for the user's training script and for the installers that run before it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

TAIL_BYTES = 16 * 1024
DRAIN_SECONDS = 2.0


@dataclass(frozen=True)
class Result:
    """`returncode` is minus the signal's number when the program died of one."""

    returncode: int
    tail: str


class Foreground:
    """Runs programs one after the other; a SIGTERM to this process reaches whichever is running."""

    def __init__(self) -> None:
        self.stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._woken: int | None = None

    def take_signals(self) -> None:
        self._woken, wake = os.pipe()
        for descriptor in (self._woken, wake):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def leave_signals(self) -> None:
        """From now on a stop request ends this process at once: nothing of its work could be kept."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self.stopping:
            signal.raise_signal(signal.SIGTERM)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
        if self._process is not None:
            self._process.send_signal(number)

    def run(self, command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Result:
        """Run to the end. Raises OSError when the program cannot be started."""
        merged = _same_file(sys.stdout.fileno(), sys.stderr.fileno())
        process = subprocess.Popen(
            command,
            env=dict(variables),
            cwd=folder,
            # One pipe for both where both end in the same log anyway: only so do lines keep their order.
            stdout=subprocess.PIPE if merged else None,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        )
        self._process = process
        if self.stopping:
            process.send_signal(signal.SIGTERM)
        pump = _Pump(process, sys.stdout.fileno() if merged else sys.stderr.fileno())
        try:
            returncode = self._wait(process)
        finally:
            self._process = None
        return Result(returncode, pump.finish())

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        """As `process.wait()`, which sleeps on when a signal comes just before it or is another thread's: the handler
        would run when the program has ended."""
        try:
            ended = os.pidfd_open(process.pid)
        except (AttributeError, OSError):  # not this system, or not this kernel
            return process.wait()
        poller = select.poll()
        for descriptor in (ended, self._woken):
            if descriptor is not None:
                poller.register(descriptor, select.POLLIN)
        try:
            while process.poll() is None:
                for descriptor, _ in poller.poll():
                    if descriptor != ended:
                        os.read(descriptor, 4096)
        finally:
            os.close(ended)
        return process.wait()


class _Pump(threading.Thread):
    """Copies a pipe to a descriptor as bytes arrive and remembers the last of them."""

    def __init__(self, process: subprocess.Popen[bytes], target: int) -> None:
        super().__init__(daemon=True)
        pipe = process.stdout or process.stderr
        assert pipe is not None  # noqa: S101 - one of the two is always a pipe
        self._pipe, self._target, self._tail = pipe, target, b""
        self.start()

    def run(self) -> None:
        while True:
            chunk = os.read(self._pipe.fileno(), 65536)
            if not chunk:
                return
            self._tail = (self._tail + chunk)[-TAIL_BYTES:]
            _write_all(self._target, chunk)

    def finish(self) -> str:
        """The kept text. Does not wait for programs that the ended one left behind with the pipe open."""
        self.join(DRAIN_SECONDS)
        return self._tail.decode("utf-8", "replace")


def _write_all(target: int, chunk: bytes) -> None:
    """Write, or drop the bytes when nobody can take them: the program must not block on a full pipe."""
    with contextlib.suppress(OSError):
        while chunk:
            chunk = chunk[os.write(target, chunk) :]


def _same_file(first: int, second: int) -> bool:
    one, other = os.fstat(first), os.fstat(second)
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
