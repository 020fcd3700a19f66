"""Zip archives of functions are hostile: nothing leaves the target, and bombs end early."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from clary.runtimes import zip_archives
from clary.runtimes.archives import ArchiveLimits
from clary.runtimes.errors import ArchiveError


def packed(
    path: Path, *members: tuple[zipfile.ZipInfo | str, bytes], compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    archive = path / "code.zip"
    with zipfile.ZipFile(archive, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return archive


def member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def both_refuse(
    archive: Path, target: Path, match: str, limits: ArchiveLimits = zip_archives.FUNCTION_LIMITS
) -> None:
    """What is refused when it is uploaded is also refused when it is unpacked."""
    with pytest.raises(ArchiveError, match=match):
        zip_archives.check(archive, limits)
    with pytest.raises(ArchiveError, match=match):
        zip_archives.extract(archive, target, limits)


def test_files_folders_and_modes(tmp_path: Path) -> None:
    archive = packed(
        tmp_path,
        ("app.py", b"code"),
        ("folder/", b""),
        ("folder/data.txt", b"data"),
        (member("bin/tool", stat.S_IFREG | 0o4777), b"#!/bin/sh"),
        (member("closed.py", stat.S_IFREG | 0o000), b"readable"),
    )
    zip_archives.check(archive)
    target = tmp_path / "target"
    zip_archives.extract(archive, target)
    assert (target / "app.py").read_bytes() == b"code"
    assert (target / "folder" / "data.txt").read_bytes() == b"data"
    assert stat.S_IMODE((target / "bin" / "tool").stat().st_mode) & 0o7700 == 0o700
    assert (target / "closed.py").read_bytes() == b"readable"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "a/" * 70 + "deep", "x" * 300])
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    both_refuse(packed(tmp_path, (name, b"x")), tmp_path / "target", "archive member")
    assert not (tmp_path / "evil").exists()


def test_links_and_devices(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        archive = packed(tmp_path, (member("link", kind | 0o777), b"/etc/passwd"))
        both_refuse(archive, tmp_path / f"target-{kind}", "only files and folders")


def test_the_same_name_twice(tmp_path: Path) -> None:
    archive = packed(tmp_path, ("a", b"file"), ("./a", b"again"))
    with pytest.raises(ArchiveError, match="twice"):
        zip_archives.extract(archive, tmp_path / "target")


def test_a_file_as_a_folder(tmp_path: Path) -> None:
    archive = packed(tmp_path, ("a", b"file"), ("a/b", b"below"))
    with pytest.raises(ArchiveError, match="file and for a folder"):
        zip_archives.extract(archive, tmp_path / "target")


def test_bombs(tmp_path: Path) -> None:
    archive = packed(tmp_path, ("zeros", bytes(3_000_000)))
    both_refuse(archive, tmp_path / "one", "more than 1000000 bytes", ArchiveLimits(total_bytes=1_000_000))
    both_refuse(archive, tmp_path / "two", "bomb", ArchiveLimits(ratio=10, ratio_from=100_000))
    many = packed(tmp_path, *((f"f{number}", b"") for number in range(20)))
    both_refuse(many, tmp_path / "three", "more than 10 members", ArchiveLimits(members=10))


def test_sizes_are_counted_and_not_believed(tmp_path: Path) -> None:
    """The directory says 10 bytes; what is packed is more."""
    archive = packed(tmp_path, ("zeros", bytes(1_000_000)))
    data = archive.read_bytes().replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    archive.write_bytes(data)
    both_refuse(archive, tmp_path / "target", "damaged|more than")


def test_what_is_no_zip_or_unusual(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.zip"
    nothing.write_bytes(b"this is no archive")
    both_refuse(nothing, tmp_path / "one", "not a zip file")
    both_refuse(packed(tmp_path, ("a", b"x"), compression=zipfile.ZIP_BZIP2), tmp_path / "two", "only deflate")
    whole = packed(tmp_path, ("a", b"x" * 1000), compression=zipfile.ZIP_STORED).read_bytes()
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(whole.replace(b"xxxx", b"yyyy", 1))
    both_refuse(damaged, tmp_path / "three", "damaged")
    encrypted = tmp_path / "encrypted.zip"
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        assert file.namelist() == ["a"]
    central = whole.rindex(b"PK\x01\x02")
    encrypted.write_bytes(whole[: central + 8] + b"\x01\x00" + whole[central + 10 :])
    both_refuse(encrypted, tmp_path / "four", "encrypted")
