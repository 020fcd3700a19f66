"""The listening socket, and several processes that share it.

With one worker this process is the worker. With more, the socket is bound here, each worker is forked before
anything of the user's is imported (numeric libraries with threads do not survive a fork) and listens on the
shared socket once its own model is loaded: the kernel spreads the connections over those that are ready.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from clary_toolkit.errors import ModelServerError
from clary_toolkit.serving.settings import Settings


def bind(settings: Settings) -> socket.socket:
    """A bound socket that nobody can connect to yet. Raises ModelServerError."""
    try:
        if settings.socket is None:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("0.0.0.0", settings.port))  # noqa: S104 - the hosting contract says all addresses
        else:
            _remove_stale(settings.socket)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(settings.socket))
    except OSError as error:
        where = settings.socket or f"port {settings.port}"
        raise ModelServerError(f"cannot bind {where}: {error}") from error
    listener.setblocking(False)
    return listener


def _remove_stale(path: Path) -> None:
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()


class Workers:
    """Keeps `count` workers running until told to stop or until one cannot start."""

    def __init__(self, count: int, work: Callable[[], int], path: Path | None) -> None:
        self._count, self._work, self._path = count, work, path
        self._running: set[int] = set()
        self._stopping = False

    def run(self) -> int:
        """The exit code for the whole server: 0 when stopped, the code of the first worker that gave up."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        for _ in range(self._count):
            self._start_one()
        code = 0
        while self._running:
            pid, status = os.wait()
            self._running.discard(pid)
            if self._stopping:
                continue
            ended = os.waitstatus_to_exitcode(status)
            if os.WIFSIGNALED(status):
                print(f"clary-toolkit: a worker was killed by signal {-ended}; starting another", flush=True)
                self._start_one()
            else:
                code = ended or 1
                self._stop()
        return code

    def _start_one(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os._exit(_finished(self._work()))
        self._running.add(pid)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        self._stopping = True
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)


def _finished(code: int) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return code
