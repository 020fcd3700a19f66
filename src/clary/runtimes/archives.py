"""model.tar.gz: packing what a job leaves, unpacking what a user sends.

Archives are hostile. The tar format is read here member by member instead of by `tarfile`, whose filters have
been got around: only plain files and folders are made, each one new, each below the target by construction;
links, devices and everything unusual end the work. Memory is constant, and bombs end early.
"""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from clary.runtimes.errors import ArchiveError

_BLOCK = 512
_CHUNK = 256 * 1024
_EXTENDED = (b"x", b"g", b"L", b"K")
_EXTENDED_LIMIT = 64 * 1024
_HEADERS_PER_MEMBER = 3
_MOST_RECORDS = 200
_REFUSED = {
    b"1": "hard links are not accepted",
    b"2": "symbolic links are not accepted; pack the files themselves (tar --dereference)",
    b"3": "devices are not accepted",
    b"4": "devices are not accepted",
    b"6": "FIFOs are not accepted",
    b"S": "sparse files are not accepted",
}


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """When to stop. `ratio` (unpacked : packed) counts only beyond `ratio_from` bytes."""

    members: int = 100_000
    total_bytes: int = 64 * 1024**3
    ratio: int = 250
    ratio_from: int = 64 * 1024**2
    depth: int = 64


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    kind: bytes
    mode: int


def extract(archive: Path, target: Path, limits: ArchiveLimits = ArchiveLimits()) -> None:
    """Unpack a tar.gz into `target`, which must be empty or missing. Raises ArchiveError."""
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise ValueError(f"{target} is not empty")
    with archive.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            raise ArchiveError("not a gzip file; it must be a tar archive compressed with gzip (tar -czf)")
        file.seek(0)
        try:
            _unpack(_Source(file, limits, target), target, limits)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ArchiveError(f"damaged or cut off: {error}") from error


def read_file(archive: Path, name: str, longest: int, limits: ArchiveLimits = ArchiveLimits()) -> bytes | None:
    """One file of a tar.gz, without unpacking the others. None when there is none that `extract` would make, or it
    is longer; ArchiveError when the way to it leads over what `extract` would refuse."""
    with archive.open("rb") as file:
        source = _Source(file, limits, archive.parent)
        try:
            for member in _members(source, limits):
                pieces = source.pieces(member.size, member.name)
                if safe_parts(member.name, limits) == [name] and member.kind in (b"0", b"\0", b"7"):
                    return b"".join(pieces) if member.size <= longest else None
                for _ in pieces:
                    pass
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ArchiveError(f"damaged or cut off: {error}") from error
    return None


class _Source:
    """The unpacked bytes of a gzip file, counted."""

    def __init__(self, file: BinaryIO, limits: ArchiveLimits, target: Path) -> None:
        self._file, self._limits = file, limits
        self._stream = gzip.GzipFile(fileobj=file)
        self._most = min(limits.total_bytes, int(shutil.disk_usage(target).free * 0.9))
        self._seen = 0

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes (at most one chunk), fewer only at the end."""
        parts = []
        while size:
            part = self._stream.read(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
            self._count(len(part))
        return b"".join(parts)

    def _count(self, size: int) -> None:
        self._seen += size
        if self._seen > self._most:
            raise ArchiveError(f"unpacks to more than {self._most} bytes")
        if self._seen > self._limits.ratio_from and self._seen > self._limits.ratio * self._file.tell():
            raise ArchiveError(f"unpacks to more than {self._limits.ratio} times its size; it looks like a bomb")

    def pieces(self, size: int, name: str) -> Iterator[bytes]:
        """`size` bytes in chunks, then the padding to the next block is skipped."""
        left = size
        while left:
            piece = self.read(min(left, _CHUNK))
            if not piece:
                raise ArchiveError("cut off", name)
            left -= len(piece)
            yield piece
        self.read(-size % _BLOCK)

    def drain(self) -> None:
        """Read to the end, so that the checksum is verified."""
        while self.read(_CHUNK):
            pass


def _unpack(source: _Source, target: Path, limits: ArchiveLimits) -> None:
    for member in _members(source, limits):
        parts = safe_parts(member.name, limits)
        if member.kind in _REFUSED:
            raise ArchiveError(_REFUSED[member.kind], member.name)
        if member.kind not in (b"0", b"\0", b"7", b"5"):
            raise ArchiveError(f"members of type {member.kind!r} are not accepted", member.name)
        if member.kind == b"5" or member.name.endswith("/"):
            make_folder(target, parts, member.name)
            for _ in source.pieces(member.size, member.name):
                pass
            continue
        if not parts:
            raise ArchiveError("has no name", member.name)
        make_folder(target, parts[:-1], member.name)
        _write_file(target.joinpath(*parts), source.pieces(member.size, member.name), member)
    source.drain()


def _members(source: _Source, limits: ArchiveLimits) -> Iterator[_Member]:
    """Read headers; the extended ones, of which a member has one or two, are folded into it. All are counted."""
    overrides: dict[str, str] = {}
    everywhere: dict[str, str] = {}
    headers = members = 0
    while True:
        header = source.read(_BLOCK)
        if not header or not header.strip(b"\0"):
            return
        member = _parse_header(header)
        headers += 1
        members += member.kind not in _EXTENDED
        if members > limits.members or headers > _HEADERS_PER_MEMBER * limits.members:
            raise ArchiveError(f"more than {limits.members} members")
        if member.kind in _EXTENDED:
            body = _extended_body(source, member)
            if member.kind == b"L":
                overrides["path"] = body.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif member.kind in (b"x", b"g"):
                (overrides if member.kind == b"x" else everywhere).update(_parse_pax(body, member.name))
            continue
        yield _apply(member, {**everywhere, **overrides})
        overrides = {}


def _extended_body(source: _Source, member: _Member) -> bytes:
    if member.size > _EXTENDED_LIMIT:
        raise ArchiveError("an extended header is too long", member.name)
    return b"".join(source.pieces(member.size, member.name))


def _parse_header(header: bytes) -> _Member:
    if len(header) < _BLOCK:
        raise ArchiveError("cut off")
    total = sum(header[:148]) + 8 * 32 + sum(header[156:])
    if header[148:156].split(b"\0")[0].strip() not in (b"%o" % total, b"%06o" % total, b"%07o" % total):
        raise ArchiveError("not a tar archive, or damaged: a header's checksum is wrong")
    name = _text(header[:100])
    if header[257:263] == b"ustar\0" and header[345:500].strip(b"\0"):
        name = f"{_text(header[345:500])}/{name}"
    return _Member(name, _number(header[124:136]), header[156:157], _number(header[100:108]) & 0o777)


def _number(field: bytes) -> int:
    """Octal text, or binary with the first bit set."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    try:
        value = int(field.split(b"\0")[0].strip() or b"0", 8)
    except ValueError:
        value = -1
    if value < 0:
        raise ArchiveError("damaged: a header holds no number where one must be")
    return value


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _parse_pax(body: bytes, name: str) -> dict[str, str]:
    """Records `LENGTH KEY=VALUE\\n`, of which path and size matter."""
    found: dict[str, str] = {}
    records, begin, end = 0, 0, len(body.rstrip(b"\0"))
    while begin < end:
        records += 1
        if records > _MOST_RECORDS:
            raise ArchiveError("an extended header is too long", name)
        space = body.find(b" ", begin, begin + 8)
        length = body[begin : max(space, begin)]
        if not length.isdigit() or not len(length) + 2 < int(length) <= len(body) - begin:
            raise ArchiveError("an extended header is damaged", name)
        record, begin = body[space + 1 : begin + int(length)], begin + int(length)
        key, _, value = record.rstrip(b"\n").partition(b"=")
        if key.startswith(b"GNU.sparse"):
            raise ArchiveError(_REFUSED[b"S"], name)
        if key in (b"path", b"size"):
            found[key.decode()] = value.decode("utf-8", "surrogateescape")
    return found


def _apply(member: _Member, overrides: dict[str, str]) -> _Member:
    size = overrides.get("size", str(member.size))
    if not (size.isascii() and size.isdigit()) or len(size) > 20:
        raise ArchiveError("an extended header holds a wrong size", member.name)
    return _Member(overrides.get("path", member.name), int(size), member.kind, member.mode)


def safe_parts(name: str, limits: ArchiveLimits) -> list[str]:
    """The path below the target; `.` and double slashes do not count. `/` alone is the target: the SageMaker SDK
    packs a folder under that name.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if parts and name.startswith("/"):
        raise ArchiveError("absolute names are not accepted", name)
    if ".." in parts:
        raise ArchiveError("names with .. are not accepted", name)
    if "\0" in name or any(len(os.fsencode(part)) > 255 for part in parts) or len(os.fsencode(name)) > 3000:
        raise ArchiveError("the name is not possible", name)
    if len(parts) > limits.depth:
        raise ArchiveError(f"lies more than {limits.depth} folders deep", name)
    return parts


def make_folder(target: Path, parts: list[str], name: str) -> None:
    """Below the target there are only files and folders made here, so there is no link to follow."""
    folder = target
    for part in parts:
        folder = folder / part
        try:
            folder.mkdir(mode=0o755)
        except FileExistsError:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                raise ArchiveError("the name is used for a file and for a folder", name) from None


def _write_file(path: Path, pieces: Iterator[bytes], member: _Member) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600 | (member.mode & 0o755))
    except FileExistsError:
        raise ArchiveError("the name comes twice", member.name) from None
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece)


def pack(folder: Path, archive: Path, root: Path | None = None) -> None:
    """Write `folder`'s content as tar.gz, without the folder itself; the same content gives the same bytes.

    Plain files and folders, in order of their names. A symbolic link is packed as the file it leads to when that
    lies in the folder as well, otherwise left out: what a job leaves must not fetch files of the host. With
    `root` (the unit's /opt/ml) also the way to the folder is checked for links.
    """
    check_way(folder, root)
    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(_walk(folder)):
            _add(tar, folder, path)


def check_way(folder: Path, root: Path | None) -> None:
    """Raises ArchiveError when `folder`, or what lies between it and `root`, is a link a job has put there."""
    way = [folder]
    if root is not None:
        way += [parent for parent in folder.parents if parent != root and parent.is_relative_to(root)]
    for path in way:
        if path.is_symlink():
            raise ArchiveError(f"{path.name} is a symbolic link in place of a folder")


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))


def _add(tar: tarfile.TarFile, folder: Path, path: Path) -> None:
    real = Path(os.path.realpath(path))
    if path.is_symlink() and not (real.is_relative_to(os.path.realpath(folder)) and real.is_file()):
        return
    status = real.lstat()
    entry = tarfile.TarInfo(str(path.relative_to(folder)))
    entry.mode = status.st_mode & 0o755
    entry.mtime = int(status.st_mtime)
    if stat.S_ISDIR(status.st_mode):
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
    elif stat.S_ISREG(status.st_mode):
        entry.size = status.st_size
        with real.open("rb") as content:
            tar.addfile(entry, content)
