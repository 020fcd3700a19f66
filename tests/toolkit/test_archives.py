"""Hostile archives write nothing outside, honest ones arrive whole."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from clary_toolkit.archives import ArchiveLimits, extract
from clary_toolkit.errors import HostileArchive
from tests.toolkit.running import archive_of


def member(name: str, kind: bytes = tarfile.REGTYPE, **values: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in values.items():
        setattr(info, key, value)
    return info


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_an_honest_archive_arrives_whole(tmp_path: Path) -> None:
    archive = archive_of({"./train.py": "x", "a/b/c.txt": "deep", "go.sh": "#!/bin/sh"}, tmp_path / "s.tar.gz")
    extract(archive, tmp_path / "out")
    assert (tmp_path / "out/train.py").read_text() == "x"
    assert (tmp_path / "out/a/b/c.txt").read_text() == "deep"
    assert os.access(tmp_path / "out/go.sh", os.X_OK)
    assert not os.access(tmp_path / "out/train.py", os.X_OK)


def test_a_plain_tar_is_read_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.addfile(member("empty"), io.BytesIO())
        tar.addfile(member("folder", tarfile.DIRTYPE))
    extract(tmp_path / "s.tar", tmp_path / "out")
    assert (tmp_path / "out/empty").is_file()
    assert (tmp_path / "out/folder").is_dir()


@pytest.mark.parametrize(
    "info",
    [
        member("/absolute"),
        member("../outside"),
        member("a/../../outside"),
        member("a/.."),
        member("a\\..\\outside"),
        member("link", tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("link", tarfile.SYMTYPE, linkname="inside"),
        member("hard", tarfile.LNKTYPE, linkname="/etc/passwd"),
        member("device", tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("block", tarfile.BLKTYPE),
        member("pipe", tarfile.FIFOTYPE),
        member("", tarfile.REGTYPE),
    ],
    ids=lambda info: f"{info.type!r}{info.name}",
)
def test_hostile_members_are_refused(tmp_path: Path, info: tarfile.TarInfo) -> None:
    archive = packed(tmp_path / "s.tar.gz", (info, b""))
    with pytest.raises(HostileArchive):
        extract(archive, tmp_path / "deep" / "out")
    left = {path.name for path in tmp_path.rglob("*")} - {"s.tar.gz", "deep", "out"}
    assert left == set()


def test_a_link_that_was_there_before_is_not_followed(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    out.mkdir()
    (out / "sub").symlink_to(outside)
    (out / "file").symlink_to(outside / "written")
    for name in ("sub/written", "file"):
        with pytest.raises(HostileArchive):
            extract(packed(tmp_path / "s.tar.gz", (member(name), b"evil")), out)
    assert list(outside.iterdir()) == []


def test_a_file_cannot_become_a_folder(tmp_path: Path) -> None:
    archive = packed(tmp_path / "s.tar.gz", (member("a"), b"file"), (member("a/b"), b"below"))
    with pytest.raises(HostileArchive, match="not a folder"):
        extract(archive, tmp_path / "out")


def test_bounds_hold(tmp_path: Path) -> None:
    many = packed(tmp_path / "many.tar.gz", *((member(f"f{i}"), b"") for i in range(5)))
    with pytest.raises(HostileArchive, match="more than 4 members"):
        extract(many, tmp_path / "out", ArchiveLimits(members=4))
    large = packed(tmp_path / "large.tar.gz", (member("a"), b"x" * 600), (member("b"), b"x" * 600))
    with pytest.raises(HostileArchive, match="more than 1000 bytes"):
        extract(large, tmp_path / "out", ArchiveLimits(total_bytes=1000))
    assert not (tmp_path / "out/b").exists()


def test_damage_anywhere_is_a_damaged_archive(tmp_path: Path) -> None:
    whole = archive_of({"a.bin": os.urandom(20_000), "b.bin": os.urandom(20_000)}, tmp_path / "w.tar.gz").read_bytes()
    broken = tmp_path / "broken.tar.gz"
    turned = bytearray(whole)
    turned[len(turned) // 2] ^= 0xFF
    for content in (b"not a tar", gzip.compress(b"not a tar" * 100), whole[: len(whole) // 2], bytes(turned), b""):
        broken.write_bytes(content)
        with pytest.raises(HostileArchive):
            extract(broken, tmp_path / "out")


def test_set_id_bits_are_not_taken_over(tmp_path: Path) -> None:
    extract(packed(tmp_path / "s.tar.gz", (member("tool", mode=0o6777), b"x")), tmp_path / "out")
    assert (tmp_path / "out/tool").stat().st_mode & 0o7022 == 0
