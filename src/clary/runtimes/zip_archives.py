"""Zip archives with the code of functions: checked when they are uploaded, unpacked before a function starts.

They are as hostile as tar archives: only plain files and folders are made, each one new, each below the target by
construction; links, encryption and unusual compression end the work, and so does more than the limits allow,
counted while unpacking and not believed from what the archive says.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from clary.runtimes.archives import ArchiveLimits, make_folder, safe_parts
from clary.runtimes.errors import ArchiveError

FUNCTION_LIMITS = ArchiveLimits(members=20_000, total_bytes=250 * 1024**2)
_CHUNK = 256 * 1024
_ENCRYPTED = 0x1
_UNIX = 3
_NO_ZIP = "not a zip file, or damaged"


def check(archive: Path, limits: ArchiveLimits = FUNCTION_LIMITS) -> None:
    """Read the whole archive as `extract` would, without writing anything. Raises ArchiveError."""
    with _opened(archive) as file:
        for entry, _ in _entries(file, limits):
            entry.drain()


def extract(archive: Path, target: Path, limits: ArchiveLimits = FUNCTION_LIMITS) -> None:
    """Unpack into `target`, which must be empty or missing. Raises ArchiveError."""
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise ValueError(f"{target} is not empty")
    with _opened(archive) as file:
        for entry, parts in _entries(file, limits):
            if entry.is_folder:
                make_folder(target, parts, entry.name)
                continue
            make_folder(target, parts[:-1], entry.name)
            _write(target.joinpath(*parts), entry)


class _Opened:
    """A zip file whose damages are ArchiveErrors."""

    def __init__(self, archive: Path) -> None:
        self.packed = archive.stat().st_size
        try:
            self.zip = zipfile.ZipFile(archive)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
            raise ArchiveError(f"{_NO_ZIP}: {error}") from error

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()


def _opened(archive: Path) -> _Opened:
    return _Opened(archive)


class _Counter:
    """How much has been unpacked, over all members."""

    def __init__(self, packed: int, limits: ArchiveLimits) -> None:
        self._packed, self._limits, self._seen = packed, limits, 0

    def add(self, size: int) -> None:
        self._seen += size
        if self._seen > self._limits.total_bytes:
            raise ArchiveError(f"unpacks to more than {self._limits.total_bytes} bytes")
        if self._seen > self._limits.ratio_from and self._seen > self._limits.ratio * self._packed:
            raise ArchiveError(f"unpacks to more than {self._limits.ratio} times its size; it looks like a bomb")


class _Entry:
    """One member: its bytes come in pieces and are counted."""

    def __init__(self, file: zipfile.ZipFile, info: zipfile.ZipInfo, counter: _Counter) -> None:
        self._file, self._info, self._counter = file, info, counter
        self.name = info.filename
        self.is_folder = info.is_dir()

    @property
    def mode(self) -> int:
        """As packed on Unix, readable in any case."""
        packed = self._info.external_attr >> 16 if self._info.create_system == _UNIX else 0
        return 0o644 | (packed & 0o755)

    def pieces(self) -> Iterator[bytes]:
        try:
            with self._file.open(self._info) as stream:
                while piece := stream.read(_CHUNK):
                    self._counter.add(len(piece))
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise ArchiveError(f"damaged: {error}", self.name) from error

    def drain(self) -> None:
        for _ in self.pieces():
            pass


def _entries(opened: _Opened, limits: ArchiveLimits) -> Iterator[tuple[_Entry, list[str]]]:
    """Every member with its safe path."""
    members = opened.zip.infolist()
    if len(members) > limits.members:
        raise ArchiveError(f"more than {limits.members} members")
    counter = _Counter(opened.packed, limits)
    for info in members:
        parts = safe_parts(info.filename, limits)
        kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ArchiveError("only files and folders are accepted, no links", info.filename)
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveError("encrypted members are not accepted", info.filename)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError("only deflate compression is accepted", info.filename)
        if not parts and not info.is_dir():
            raise ArchiveError("has no name", info.filename)
        yield _Entry(opened.zip, info, counter), parts


def _write(path: Path, entry: _Entry) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, entry.mode)
    except FileExistsError:
        raise ArchiveError("the name comes twice", entry.name) from None
    with os.fdopen(descriptor, "wb") as file:
        for piece in entry.pieces():
            file.write(piece)
