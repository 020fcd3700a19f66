"""Which environments and layers there are, who uses them, and taking away those that nobody has used for long.

A running unit holds a shared lock on `.used` in each environment that it sees (the shim takes it), over all
installations that share the folder; collecting takes it alone or leaves the environment as it is. Between `prepare`
and the start of a unit there is no lock, so what was used within the last hour always stays. Called by the command
line.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clary.base.crash import crash_here
from clary.runtimes.layers import ANSWERS
from clary.runtimes.shared_folders import READY, USED, read_label

_TRASH = ".collected-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{32}")
_ALWAYS_KEPT = timedelta(hours=1)

FileId = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True)
class Found:
    """One environment, layer of packages, toolkit or shim. `label` is empty while it is being built, or when its
    building was broken off."""

    path: Path
    label: str
    used_at: datetime
    in_use: bool

    def sizes(self) -> dict[FileId, int]:
        """Bytes on the disk, file by file: environments share files, which take their place once."""
        return dict(_size(Path(parent, name)) for parent, _, names in os.walk(self.path) for name in names)


def find_environments(folder: Path) -> list[Found]:
    """All below the folder, those that were used last first."""
    return sorted((_look(path) for path in _folders(folder)), key=lambda found: found.used_at, reverse=True)


def collect(folder: Path, older_than: timedelta, now: datetime) -> Iterator[Found]:
    """Remove what nobody uses and nobody has used for this long; tells each when it is gone. Raises OSError."""
    for leftover in folder.glob(f"{_TRASH}*"):
        shutil.rmtree(leftover, ignore_errors=True)  # perhaps another collection's, which is at it as well
    for answer in [path for path in (folder / ANSWERS).glob("*") if _is_older(path, older_than, now)]:
        if answer.is_dir():
            shutil.rmtree(answer, ignore_errors=True)  # somebody died over it
        else:
            answer.unlink(missing_ok=True)
    for found in find_environments(folder):
        if now - found.used_at >= max(older_than, _ALWAYS_KEPT) and _remove(found):
            yield found


def _is_older(path: Path, age: timedelta, now: datetime) -> bool:
    try:
        made = path.lstat().st_mtime
    except FileNotFoundError:  # a server has just ended its work there, or replaced an answer
        return False
    return now - datetime.fromtimestamp(made, UTC) >= max(age, _ALWAYS_KEPT)


def _folders(folder: Path) -> list[Path]:
    """By their names: whatever else lies there is not Clary's."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return [path for path in entries if _NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]


def _look(path: Path) -> Found:
    with _alone(path / USED) as alone:
        return Found(path, read_label(path), _used_at(path), in_use=not alone)


def _used_at(path: Path) -> datetime:
    stamp = path / USED if (path / USED).exists() else path
    return datetime.fromtimestamp(stamp.stat().st_mtime, UTC)


def _remove(found: Found) -> bool:
    """False when somebody builds or uses it, or has just begun to."""
    path = found.path
    with _alone(path.with_name(f"{path.name}.lock")) as nobody_builds, _alone(path / USED) as nobody_uses:
        if not (nobody_builds and nobody_uses):
            return False
        ready = (path / READY).read_bytes() if (path / READY).exists() else None
        # Whoever prepares an environment stamps it first and then looks whether it is ready; here it is the other
        # way round, so that one of both sees what the other does.
        (path / READY).unlink(missing_ok=True)
        if _used_at(path) != found.used_at:
            if ready is not None:
                (path / READY).write_bytes(ready)
            return False
        trash = path.with_name(f"{_TRASH}{path.name}")
        path.rename(trash)
    crash_here("environments.after_trash")
    shutil.rmtree(trash, ignore_errors=True)
    return True


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether nobody else holds a lock on this file; nobody gets one meanwhile. What is not there, nobody holds."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def _size(path: Path) -> tuple[FileId, int]:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return (0, 0), 0
    return (found.st_dev, found.st_ino), found.st_blocks * 512
