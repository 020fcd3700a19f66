"""Finds processes: the children that a killed supervisor left behind, and whether a process is still the same.

A process id alone proves nothing, because ids are used again. A child is known by its command line and by the
data folder in its environment; it is held by a pidfd, so that a signal can never reach another process.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clary.base.settings import Settings

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Orphan:
    """A process of this installation that is not our child. Close it when done."""

    pid: int
    module: str
    descriptor: int

    def send(self, number: int) -> None:
        try:
            signal.pidfd_send_signal(self.descriptor, number)
        except ProcessLookupError:
            return

    def wait(self, seconds: float) -> bool:
        """True when the process has ended within this time."""
        readable, _, _ = select.select([self.descriptor], [], [], max(seconds, 0.0))
        return bool(readable)

    def close(self) -> None:
        os.close(self.descriptor)


def end_all(orphans: list[Orphan], seconds: float) -> None:
    """Ask them to end, and make them end when they have not after `seconds`."""
    for orphan in orphans:
        orphan.send(signal.SIGTERM)
    end = time.monotonic() + seconds
    for orphan in orphans:
        if not orphan.wait(end - time.monotonic()):
            orphan.send(signal.SIGKILL)
            orphan.wait(1.0)


def start_ticks(pid: int) -> int:
    """When the process started, in clock ticks since boot; 0 when there is none (or only its remains)."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def find_orphans(settings: Settings, module: str) -> list[Orphan]:
    """Processes `python -m module` with this data folder, apart from our own children."""
    return [orphan for pid in _processes() if (orphan := _hold(pid, settings, module)) is not None]


def _processes() -> Iterator[int]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            yield int(entry.name)


def _hold(pid: int, settings: Settings, module: str) -> Orphan | None:
    if not _is_ours(pid, settings, module):
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    # Looked at again while held: only now it is certain that the id means this process.
    if _is_ours(pid, settings, module):
        return Orphan(pid, module, descriptor)
    os.close(descriptor)
    return None


def _is_ours(pid: int, settings: Settings, module: str) -> bool:
    folder = _PROC / str(pid)
    try:
        arguments = (folder / "cmdline").read_bytes().split(b"\0")
        if arguments[1:3] != [b"-m", module.encode()] or _parent(pid) == os.getpid():
            return False
        variables = (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"CLARY_DATA=" + os.fsencode(settings.layout.data) in variables


def _parent(pid: int) -> int:
    return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
