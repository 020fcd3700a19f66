"""Follows routes.json and access.json: looks at the files' stamps, swaps when the number has grown.

A lower number is taken only when the installation itself was replaced (a restored data folder). A snapshot that
cannot be read leaves the old one in force.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from clary.base.log import get_logger
from clary.base.snapshots import UNREADABLE

log = get_logger(__name__)

Stamp = tuple[int, int, int] | None


class Numbered(Protocol):
    @property
    def number(self) -> int: ...


S = TypeVar("S", bound=Numbered)


class Follower(Generic[S]):
    """One snapshot file. `look` is cheap: one stat while nothing changes."""

    def __init__(self, path: Path, read: Callable[[Path], S], apply: Callable[[S], None], installation: Path) -> None:
        self.number = -1
        self._path = path
        self._read = read
        self._apply = apply
        self._installation = installation
        self._stamp: Stamp = None
        self._installed: Stamp = None

    def look(self) -> bool:
        """True when a new snapshot was applied."""
        stamp = file_stamp(self._path)
        if stamp == self._stamp and self.number >= 0:
            return False
        try:
            snapshot = self._read(self._path)
        except UNREADABLE:
            log.exception("snapshot cannot be read, the old one stays", extra={"path": str(self._path)})
            self._stamp = stamp
            return False
        self._stamp = stamp
        installed = file_stamp(self._installation)
        if snapshot.number <= self.number and installed == self._installed:
            return False
        self._apply(snapshot)
        self.number = snapshot.number
        self._installed = installed
        return True


def file_stamp(path: Path) -> Stamp:
    """Changes whenever the file is replaced; None while there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
