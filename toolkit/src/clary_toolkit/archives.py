"""Unpacking a tar archive that may be hostile.

Every member is judged by its name and type alone, before anything is written: only plain files and folders,
only relative names, no `..`, no member below another member that is a file. Links and devices are refused
rather than skipped, because an archive that holds one is not what its sender says it is. Owner, set-id bits and
times of the archive are ignored. The standard library's extraction filters are not used: they depend on the
Python version and have been bypassed before.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clary_toolkit.errors import HostileArchive

CHUNK = 1 << 20


@dataclass(frozen=True)
class ArchiveLimits:
    """Bounds of what one archive may unpack to; far above honest source archives."""

    members: int = 100_000
    total_bytes: int = 20 << 30


DEFAULT_LIMITS = ArchiveLimits()


def extract(archive: Path, target: Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> None:
    """Unpack `archive` (tar, plain or compressed) into the folder `target`, which is made when missing.

    Raises HostileArchive when a member must not be written; members before it may already be there.
    """
    target.mkdir(parents=True, exist_ok=True)
    root = target.resolve()
    budget = limits.total_bytes
    with _opened(archive) as tar:
        for number, member in enumerate(tar):
            if number >= limits.members:
                raise HostileArchive(f"{archive.name} has more than {limits.members} members")
            budget -= max(member.size, 0)
            if budget < 0:
                raise HostileArchive(f"{archive.name} unpacks to more than {limits.total_bytes} bytes")
            _write_member(tar, member, root)
        _check_rest(tar, archive, budget)


def _check_rest(tar: tarfile.TarFile, archive: Path, budget: int) -> None:
    """Read on to the end of the stream: only there does gzip compare its checksum."""
    while tar.fileobj is not None and (rest := tar.fileobj.read(CHUNK)):
        budget -= len(rest)
        if budget < 0:
            raise HostileArchive(f"{archive.name} goes on for too long behind its last member")


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    """The archive, gzip-compressed or plain; damage anywhere in it becomes HostileArchive."""
    try:
        with tarfile.open(archive, "r:gz" if _is_gzip(archive) else "r:") as tar:
            yield tar
    except (tarfile.TarError, zlib.error, EOFError, ValueError, gzip.BadGzipFile) as error:
        raise HostileArchive(f"{archive.name} is not a readable tar.gz archive: {error}") from error


def _is_gzip(archive: Path) -> bool:
    with archive.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    parts = _checked_parts(member)
    path = root.joinpath(*parts)
    if member.isdir():
        _make_folders(root, parts)
        return
    _make_folders(root, parts[:-1])
    source = tar.extractfile(member)
    if source is None:
        raise HostileArchive(f"archive member {member.name!r} has no content")
    if path.is_symlink() or path.is_dir():
        raise HostileArchive(f"archive member {member.name!r} would replace a folder or link")
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _mode(member))
    with source, os.fdopen(descriptor, "wb") as file:
        for chunk in iter(lambda: source.read(CHUNK), b""):
            file.write(chunk)


def _mode(member: tarfile.TarInfo) -> int:
    return 0o755 if member.mode & 0o100 else 0o644


def _checked_parts(member: tarfile.TarInfo) -> list[str]:
    """The path of a member as its parts; empty for the archive's own root folder."""
    name = member.name
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise HostileArchive(f"archive member {name!r} is a link, a device or another special file")
    if name.startswith("/") or "\\" in name or "\0" in name:
        raise HostileArchive(f"archive member {name!r} has a name that is not allowed")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts or (not parts and not member.isdir()):
        raise HostileArchive(f"archive member {name!r} has a name that is not allowed")
    return parts


def _make_folders(root: Path, parts: list[str]) -> None:
    """Make each folder on the way, refusing to walk through anything that is not a real folder."""
    path = root
    for part in parts:
        path = path / part
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise HostileArchive(f"archive member below {path.name!r}, which is not a folder")
        path.mkdir(exist_ok=True)
