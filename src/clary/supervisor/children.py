"""One child process: started in a session of its own, restarted with back-off, told to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_FIRST_PAUSE = 0.05
_UP_SECONDS = 10.0
_LARGEST_LOG = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to start. `descriptors` stay open in the child under the same numbers."""

    name: str
    module: str
    environment: Mapping[str, str]
    log: Path
    descriptors: tuple[int, ...] = ()


@dataclass(slots=True)
class BackOff:
    """Pauses before restarts: 0.05 s, doubling up to the longest; from the start again after 10 s of good health."""

    longest: float
    pause: float = _FIRST_PAUSE

    def next_pause(self, was_up: float) -> float:
        if was_up >= _UP_SECONDS:
            self.pause = _FIRST_PAUSE
        pause, self.pause = self.pause, min(self.pause * 2, self.longest)
        return pause


@dataclass(slots=True)
class Child:
    """A process that should be running. All times are monotonic."""

    spec: ChildSpec
    back_off: BackOff
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    restarts: int = 0

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None

    def start(self, now: float) -> None:
        """stdout and stderr go to the log; the child's own session keeps the terminal's Ctrl-C away from it."""
        rotate(self.spec.log)
        with self.spec.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.spec.module],
                env=dict(self.spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                pass_fds=self.spec.descriptors,
            )
        self.started_at = now

    def reap(self, now: float) -> int | None:
        """The exit status when the process has ended since the last look; it is then due again after a pause."""
        if self.process is None:
            return None
        status = self.process.poll()
        if status is None:
            return None
        self.process = None
        self.restarts += 1
        self.due_at = now + self.back_off.next_pause(now - self.started_at)
        return status

    def send(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """True when it has ended (or was never there)."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(seconds, 0.0))
        except subprocess.TimeoutExpired:
            return False
        self.process = None
        return True

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def rotate(log: Path) -> None:
    """Keep one older generation of a log that has grown large. Only at starts, so nobody writes to it."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LARGEST_LOG:
            log.replace(log.with_suffix(".1.log"))
