"""Object bytes on disk: immutable files under random ids, never under keys or names that a client chose.

A blob is written below `incoming`, made durable and moved to its place (`adopt`); only then may a row name it.
It is deleted after the commit that removed its last row. Between the two a crash leaves a file that no row knows;
`sweep` finds those. Readers pin what they read, so that an overwrite or a delete never tears an answer under way.
Which blobs make up which object is not known here: see `contents`.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from clary.base import ids
from clary.base.crash import crash_here
from clary.base.durable import adopt_file, sync_folder
from clary.base.errors import ClaryError

_ID_LENGTH = 24
_INCOMING = "incoming"
_COPY_PIECE = 1 << 20


class BlobMissing(ClaryError):
    """A blob is not there (any more). Whoever read its id from a row reads the row again."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A body that control has spooled to `path` below the blobs folder.

    `checksums` are base64 values by the names of ChecksumAlgorithm (CRC32, CRC32C, CRC64NVME, SHA1, SHA256): those
    the request asked for, already compared with what the client declared.
    """

    path: Path
    size: int
    md5: bytes
    checksums: Mapping[str, str]

    def discard(self) -> None:
        """Remove the file unless it has been adopted."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Extent:
    """`length` bytes of a blob from `start` on. `part` is the part number that the bytes came with."""

    blob: str
    start: int
    length: int
    part: int = 1


@dataclass(frozen=True, slots=True)
class FileRange:
    """A range of a file. Valid while the `Slice` it belongs to is open."""

    path: Path
    offset: int
    length: int


class Slice:
    """Bytes of one answer, in order, from as many files as it takes. `length` is known from the start.

    Close it in every case (`with`): until then its files stay, whatever happens to the object.
    """

    def __init__(self, blobs: Blobs, extents: Sequence[Extent]) -> None:
        self._blobs = blobs
        self._extents = tuple(extents)
        self._next = 0
        self._file: BinaryIO | None = None
        self._left = 0
        self._closed = False
        self.length = sum(extent.length for extent in extents)

    @property
    def files(self) -> tuple[FileRange, ...]:
        """The file ranges behind it, for whoever can hand them to the kernel."""
        return tuple(FileRange(self._blobs.path(e.blob), e.start, e.length) for e in self._extents)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; empty at the end."""
        while self._left == 0:
            if self._next == len(self._extents):
                return b""
            self._open_next()
        data = self._file.read(min(size, self._left)) if self._file else b""
        if not data:
            raise BlobMissing("a blob is shorter than its row says")
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Let go of the files. Calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self._close_file()
            self._blobs.unpin(extent.blob for extent in self._extents)

    def __enter__(self) -> Slice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # an answer that nobody began to send

    def _open_next(self) -> None:
        self._close_file()
        extent = self._extents[self._next]
        self._next += 1
        self._file = self._blobs.path(extent.blob).open("rb")
        self._file.seek(extent.start)
        self._left = extent.length

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Blobs:
    """The blobs folder. Threads may share it; one process works on a folder at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()  # a forgotten reader may be closed by the collector at any place
        self._pins: Counter[str] = Counter()
        self._doomed: set[str] = set()
        self._ready: set[Path] = set()
        (folder / _INCOMING).mkdir(parents=True, exist_ok=True)

    def new_incoming_path(self) -> Path:
        """Where to write a new body; nothing has this name yet."""
        return self._folder / _INCOMING / ids.short_id(_ID_LENGTH)

    def path(self, blob: str) -> Path:
        return self._folder / blob[0] / blob[1] / blob

    def adopt(self, incoming: Incoming) -> str:
        """Make a body durable and give it an id. A row may name the blob when this has returned."""
        blob = ids.short_id(_ID_LENGTH)
        target = self.path(blob)
        self._prepare(target.parent)
        adopt_file(incoming.path, target)
        crash_here("blobs.after_adopt")
        return blob

    def open(self, extents: Sequence[Extent]) -> Slice:
        """A reader over the extents, or BlobMissing when one of them has just been deleted."""
        with self._lock:
            self._pins.update(extent.blob for extent in extents)
        reader = Slice(self, extents)
        for extent in extents:
            if not self.path(extent.blob).exists():
                reader.close()
                raise BlobMissing(f"blob {extent.blob} is gone")
        return reader

    def export(self, extents: Sequence[Extent], target: Path) -> None:
        """Copy the extents into the new file `target`, inside the kernel where the file system can."""
        with self.open(extents) as reader, target.open("xb") as file:
            for piece in reader.files:
                _copy_range(piece, file)

    def delete(self, blobs: Iterable[str]) -> None:
        """Remove blobs that no row names any more; those being read go when the last reader has closed."""
        for blob in blobs:
            crash_here("blobs.before_delete")
            with self._lock:
                if self._pins[blob] > 0:
                    self._doomed.add(blob)
                else:
                    del self._pins[blob]
                    self.path(blob).unlink(missing_ok=True)

    def unpin(self, blobs: Iterable[str]) -> None:
        """A reader has ended; for Slice only."""
        with self._lock:
            for blob in blobs:
                self._pins[blob] -= 1
                if self._pins[blob] == 0:
                    del self._pins[blob]
                    if blob in self._doomed:
                        self._doomed.discard(blob)
                        self.path(blob).unlink(missing_ok=True)

    def sweep(self, known: Callable[[Sequence[str]], set[str]], *, older_than: float) -> int:
        """Delete files that are older than so many seconds and that `known` does not know. Returns how many.

        `known` is given ids and returns those that a row names. A body on its way is younger than its upload.
        """
        before = time.time() - older_than
        removed = 0
        for name in _old_names(self._folder / _INCOMING, before):
            (self._folder / _INCOMING / name).unlink(missing_ok=True)
            removed += 1
        for folder in self._folder.glob("?/?"):
            names = _old_names(folder, before)
            orphans = set(names) - known(names) if names else set()
            self.delete(orphans)
            removed += len(orphans)
        return removed

    def _prepare(self, folder: Path) -> None:
        """Make a fan-out folder and its entry durable, once per process."""
        with self._lock:
            if folder in self._ready:
                return
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
            sync_folder(self._folder)
            self._ready.add(folder)


def _old_names(folder: Path, before: float) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if _modified(entry) <= before]


def _modified(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return float("inf")


def _copy_range(piece: FileRange, target: BinaryIO) -> None:
    """Copy a range to the end of `target`; by plain reads where the kernel cannot do it itself."""
    with piece.path.open("rb") as source:
        offset, left = piece.offset, piece.length
        while left:
            try:
                copied = os.copy_file_range(source.fileno(), target.fileno(), left, offset)
            except OSError:
                copied = _copy_plainly(source, target, offset, left)
            if copied == 0:
                raise BlobMissing("a blob is shorter than its row says")
            offset += copied
            left -= copied


def _copy_plainly(source: BinaryIO, target: BinaryIO, offset: int, length: int) -> int:
    data = os.pread(source.fileno(), min(length, _COPY_PIECE), offset)
    return os.write(target.fileno(), data)
