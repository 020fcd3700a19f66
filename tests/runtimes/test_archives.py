"""Archives, above all hostile ones. `outside` is watched: nothing may ever appear there."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import random
import resource
import shutil
import stat
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clary.runtimes.archives import ArchiveLimits, extract, pack, read_file
from clary.runtimes.errors import ArchiveError


def entry(name: str, content: bytes = b"x", **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, content


def link(name: str, aim: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, b"", type=kind, linkname=aim)


def make(path: Path, *entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w:gz", format=form) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return path


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return sorted(tar.getnames())


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """The folder around the target, with a file worth stealing or overwriting."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("untouched")
    yield folder
    assert (folder / "precious").read_text() == "untouched"
    assert {path.name for path in folder.iterdir()} <= {"precious", "target", "a.tar.gz"}


# -- what is good ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_ordinary_archives_of_every_format(outside: Path, form: int) -> None:
    long = f"{'d' * 60}/{'e' * 60}/{'f' * 80}" if form == tarfile.USTAR_FORMAT else f"{'d' * 120}/{'é' * 100}"
    archive = make(
        outside / "a.tar.gz",
        entry("./", b"", type=tarfile.DIRTYPE),
        entry("./model.pkl", b"m" * 100_000),
        entry("code/", b"", type=tarfile.DIRTYPE),
        entry("code/run.sh", b"#!/bin/sh\n", mode=0o4755),
        entry("code/inference.py", b"", mode=0o600),
        entry("deep/without/folders.txt", b"1"),
        entry(long, b"long"),
        form=form,
    )
    target = outside / "target"
    extract(archive, target)
    assert (target / "model.pkl").read_bytes() == b"m" * 100_000
    assert (target / "code/inference.py").read_bytes() == b""
    assert (target / "deep/without/folders.txt").read_bytes() == b"1"
    assert (target / long).read_bytes() == b"long"
    assert stat.S_IMODE((target / "code/run.sh").stat().st_mode) & 0o7077 == 0o055 & ~_umask()


def test_archives_of_the_tar_program(outside: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub" / ("n" * 150)).mkdir(parents=True)
    (source / "sub" / ("n" * 150) / "file").write_text("1")
    (source / "model.joblib").write_bytes(os.urandom(300_000))
    subprocess.run(["tar", "-czf", outside / "a.tar.gz", "-C", source, "."], check=True)
    extract(outside / "a.tar.gz", outside / "target")
    assert (outside / "target" / "model.joblib").read_bytes() == (source / "model.joblib").read_bytes()
    assert (outside / "target" / "sub" / ("n" * 150) / "file").read_text() == "1"


def test_a_folder_packed_as_the_root(outside: Path, tmp_path: Path) -> None:
    """As the SageMaker SDK packs a model again."""
    (tmp_path / "source" / "code").mkdir(parents=True)
    (tmp_path / "source" / "code" / "inference.py").write_text("1")
    with tarfile.open(outside / "a.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "source", arcname="/")
    extract(outside / "a.tar.gz", outside / "target")
    assert (outside / "target" / "code" / "inference.py").read_text() == "1"


def test_an_archive_of_several_gzip_members(outside: Path) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        info, content = entry("a", b"b" * 5000)
        tar.addfile(info, io.BytesIO(content))
    data = plain.getvalue()
    (outside / "a.tar.gz").write_bytes(gzip.compress(data[:3000]) + gzip.compress(data[3000:]))
    extract(outside / "a.tar.gz", outside / "target")
    assert (outside / "target" / "a").read_bytes() == b"b" * 5000


# -- what is hostile -------------------------------------------------------------------------------------------------

DEEP = "d" * 247  # long components make a path longer than the system resolves at once (CVE-2025-4517)
HOSTILE: dict[str, list[tuple[tarfile.TarInfo, bytes]]] = {
    "dots": [entry("../precious")],
    "dots inside": [entry("a/../../precious")],
    "dots at the end": [entry("a/.."), entry("b")],
    "absolute": [entry("/tmp/clary-test-absolute")],
    "absolute with dots": [entry("//../x")],
    "link out": [link("out", ".."), entry("out/precious")],
    "link to file": [link("file", "../precious"), entry("file", b"changed")],
    "link absolute": [link("etc", "/etc")],
    "link inside": [entry("a"), link("b", "a")],
    "link to itself": [link("a", "a")],
    "hard link out": [link("h", "../precious", tarfile.LNKTYPE)],
    "hard link to a link": [link("s", "../precious"), link("h", "s", tarfile.LNKTYPE)],
    "long path": [
        entry(DEEP, b"", type=tarfile.DIRTYPE),
        link("a", DEEP),
        *[
            item
            for i in range(1, 16)
            for item in (
                entry("/".join(["a"] * i + [DEEP]), b"", type=tarfile.DIRTYPE),
                link("/".join(["a"] * i + ["a"]), DEEP),
            )
        ],
        link("/".join(["a"] * 16) + "/" + "l" * 254, "../" * 16),
        link("escape", "/".join(["a"] * 16) + "/" + "l" * 254 + "/../"),
        entry("escape/precious", b"changed"),
    ],
    "device": [entry("null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "block device": [entry("disk", b"", type=tarfile.BLKTYPE, devmajor=8)],
    "fifo": [entry("pipe", b"", type=tarfile.FIFOTYPE)],
    "sparse": [entry("sparse", b"", type=tarfile.GNUTYPE_SPARSE)],
    "unknown type": [entry("odd", b"", type=b"V")],
    "pax path": [entry("good", b"x", pax_headers={"path": "../precious"})],
    "pax sparse": [entry("good", b"x", pax_headers={"GNU.sparse.size": "99999999999"})],
    "file as folder": [entry("a"), entry("a/b")],
    "folder as file": [entry("a/b"), entry("a")],
    "twice": [entry("a", b"1"), entry("./a", b"2")],
    "long name": [entry("n" * 300)],
    "deep": [entry("/".join("d" * 70))],
    "no name": [entry(".", b"x")],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_members_write_nothing_outside(outside: Path, name: str) -> None:
    archive = make(outside / "a.tar.gz", *HOSTILE[name])
    with pytest.raises(ArchiveError) as caught:
        extract(archive, outside / "target")
    assert caught.value.member or name == "pax sparse"
    assert caught.value.reason.startswith("ClientError: archive ")
    for path in (outside / "target").rglob("*"):
        assert path.is_dir() or path.is_file()
        assert not path.is_symlink()
    assert not Path("/tmp/clary-test-absolute").exists()


def test_a_name_with_nul(outside: Path) -> None:
    """A pax record may hold what the plain header cannot."""
    archive = make(outside / "a.tar.gz", entry("good", b"x", pax_headers={"path": "a\0b"}))
    with pytest.raises(ArchiveError):
        extract(archive, outside / "target")


def test_names_that_differ_in_case_are_different(outside: Path) -> None:
    extract(make(outside / "a.tar.gz", entry("Vocab", b"1"), entry("vocab", b"2")), outside / "target")
    assert (outside / "target" / "Vocab").read_bytes() == b"1"


def test_a_target_with_content_is_refused(outside: Path) -> None:
    (outside / "target").mkdir()
    (outside / "target" / "sub").symlink_to(outside)
    with pytest.raises(ValueError, match="not empty"):
        extract(make(outside / "a.tar.gz", entry("sub/precious")), outside / "target")


# -- what is damaged -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: b"", "not a gzip file"),
        (lambda data: b"PK\x03\x04 not ours", "not a gzip file"),
        (lambda data: data[: len(data) // 2], "cut off"),
        (lambda data: data[:-6], "damaged or cut off"),
        (lambda data: data[:-8] + b"\0\0\0\0" + data[-4:], "damaged or cut off"),
        (lambda data: data + b"garbage behind", "damaged or cut off"),
        (lambda data: gzip.compress(b"no tar at all " * 100), "checksum"),
        (lambda data: gzip.compress(gzip.decompress(data)[:700]), "cut off"),
        (lambda data: gzip.compress(gzip.decompress(data)[:100]), "cut off"),
    ],
)
def test_damaged_archives(outside: Path, damage: Callable[[bytes], bytes], words: str) -> None:
    archive = make(outside / "a.tar.gz", entry("a", os.urandom(5000)), entry("b", os.urandom(5000)))
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(ArchiveError, match=words):
        extract(archive, outside / "target")


@given(seed=st.integers(0, 2**32), flips=st.integers(1, 20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_damage_is_an_error_or_harmless(tmp_path: Path, seed: int, flips: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / str(seed)
    folder.mkdir(exist_ok=True)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for info, content in (
            entry("a/b", b"1" * 700),
            entry("é" * 80, b"2"),
            entry("d/", b"", type=tarfile.DIRTYPE),
        ):
            tar.addfile(info, io.BytesIO(content))
    data = bytearray(plain.getvalue())
    for _ in range(flips):
        data[chance.randrange(3000)] = chance.randrange(256)
    (folder / "a.tar.gz").write_bytes(gzip.compress(bytes(data), 1))
    target = folder / f"target{flips}"
    with contextlib.suppress(ArchiveError, ValueError):
        extract(folder / "a.tar.gz", target)
    assert {path.name for path in folder.iterdir()} <= {"a.tar.gz", *(f"target{n}" for n in range(21))}


# -- bombs -----------------------------------------------------------------------------------------------------------


def test_a_bomb_ends_early(outside: Path) -> None:
    archive = outside / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo("zeros")
        info.size = 192 << 20
        tar.addfile(info, _Zeros())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.thread_time()
    with pytest.raises(ArchiveError, match="looks like a bomb"):
        extract(archive, outside / "target")
    assert time.thread_time() - begun < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
    assert (outside / "target" / "zeros").stat().st_size < 100 << 20


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ArchiveLimits(members=2), "more than 2 members"),
        (ArchiveLimits(total_bytes=5000), "more than 5000 bytes"),
    ],
)
def test_limits(outside: Path, limits: ArchiveLimits, words: str) -> None:
    archive = make(outside / "a.tar.gz", *(entry(f"f{i}", os.urandom(2000)) for i in range(5)))
    with pytest.raises(ArchiveError, match=words):
        extract(archive, outside / "target", limits)


def headers_only(kind: bytes, body: bytes, times: int) -> bytes:
    """An archive of nothing but this header, over and over, with this body."""
    info = tarfile.TarInfo("d/")
    info.type, info.size = kind, len(body)
    return (info.tobuf(tarfile.GNU_FORMAT) + body + bytes(-len(body) % 512)) * times


ENDLESS = {
    "folders": headers_only(tarfile.DIRTYPE, b"", 1_001),
    "extended headers": headers_only(tarfile.XHDTYPE, b"7 a=bc\n", 3_001),
    "headers for all": headers_only(tarfile.XGLTYPE, b"7 a=bc\n", 3_001),
    "long names": headers_only(tarfile.GNUTYPE_LONGNAME, b"d/", 3_001),
    "many records": headers_only(tarfile.XHDTYPE, b"7 a=bc\n" * 201, 1),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_headers_without_end_are_refused(outside: Path, name: str) -> None:
    """What costs time is counted, whether or not it makes a file: the limits are the only end of such an archive."""
    (outside / "a.tar.gz").write_bytes(gzip.compress(ENDLESS[name], 1))
    for look in LOOKS:
        with pytest.raises(ArchiveError, match=r"more than 1000 members|an extended header is too long"):
            look(outside, ArchiveLimits(members=1000))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_members_are_counted_and_not_their_headers(outside: Path, form: int) -> None:
    members = [entry(f"{'long' * 50}{number}") for number in range(3)]
    make(outside / "a.tar.gz", *members, form=form)
    for look in LOOKS:
        with pytest.raises(ArchiveError, match="more than 2 members"):
            look(outside, ArchiveLimits(members=2))
        shutil.rmtree(outside / "target", ignore_errors=True)
        look(outside, ArchiveLimits(members=3))
        shutil.rmtree(outside / "target", ignore_errors=True)


def unpack(outside: Path, limits: ArchiveLimits) -> None:
    extract(outside / "a.tar.gz", outside / "target", limits)


def look_for_one(outside: Path, limits: ArchiveLimits) -> None:
    assert read_file(outside / "a.tar.gz", "none", 10, limits) is None


LOOKS = (unpack, look_for_one)
"""Both ways to read an archive; they must end at the same places."""


def test_a_size_that_is_not_there(outside: Path) -> None:
    """The header promises a terabyte; neither memory nor disk is set aside for it."""
    info, _ = entry("a")
    info.size = 1 << 40
    block = info.tobuf(tarfile.GNU_FORMAT)
    (outside / "a.tar.gz").write_bytes(gzip.compress(block + b"x" * 1024))
    with pytest.raises(ArchiveError, match="cut off"):
        extract(outside / "a.tar.gz", outside / "target")


def test_an_extended_header_that_would_fill_the_memory(outside: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    (outside / "a.tar.gz").write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024))
    with pytest.raises(ArchiveError, match="extended header is too long"):
        extract(outside / "a.tar.gz", outside / "target")


# -- packing ---------------------------------------------------------------------------------------------------------


def test_what_was_packed_comes_out_again(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "code").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "model.joblib").write_bytes(os.urandom(100_000))
    (folder / "code" / "inference.py").write_text("pass")
    pack(folder, tmp_path / "m.tar.gz")
    assert names(tmp_path / "m.tar.gz") == [
        "code",
        "code/inference.py",
        "empty",
        "model.joblib",
    ]
    extract(tmp_path / "m.tar.gz", tmp_path / "again")
    assert (tmp_path / "again" / "model.joblib").read_bytes() == (folder / "model.joblib").read_bytes()
    assert (tmp_path / "again" / "empty").is_dir()


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in "zab":
        (folder / name).write_text(name)
    pack(folder, tmp_path / "1.tar.gz")
    time.sleep(1.1)
    pack(folder, tmp_path / "2.tar.gz")
    assert (tmp_path / "1.tar.gz").read_bytes() == (tmp_path / "2.tar.gz").read_bytes()


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    pack(tmp_path / "model", tmp_path / "m.tar.gz")
    extract(tmp_path / "m.tar.gz", tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []


def test_packing_takes_nothing_from_outside(tmp_path: Path) -> None:
    """A job may leave links to files of the machine, pipes and sockets."""
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "opt-ml" / "model"
    folder.mkdir(parents=True)
    (folder / "real").write_text("1")
    (folder / "inner").symlink_to("real")
    (folder / "stolen").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    pack(folder, tmp_path / "m.tar.gz")
    assert names(tmp_path / "m.tar.gz") == ["inner", "real"]


def test_a_folder_that_became_a_link_is_not_packed(tmp_path: Path) -> None:
    root = tmp_path / "opt-ml"
    root.mkdir()
    (tmp_path / "host" / "data").mkdir(parents=True)
    (root / "model").symlink_to(tmp_path / "host")
    (root / "output").symlink_to(tmp_path / "host")
    with pytest.raises(ArchiveError, match="symbolic link"):
        pack(root / "model", tmp_path / "m.tar.gz", root)
    with pytest.raises(ArchiveError, match="symbolic link"):
        pack(root / "output" / "data", tmp_path / "m.tar.gz", root)
    assert not (tmp_path / "m.tar.gz").exists()


class _Zeros(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        return bytes(max(size, 0))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_one_file_is_read_without_the_others(tmp_path: Path) -> None:
    archive = make(
        tmp_path / "a.tar.gz",
        entry("train.py"),
        entry("sub/r.txt", b"no"),
        link("x", "/etc"),
        entry("./r.txt", b"yes"),
    )
    assert read_file(archive, "r.txt", 3) == b"yes"
    assert read_file(archive, "r.txt", 2) is None, "longer than that"
    assert read_file(archive, "none.txt", 10) is None
    linked = make(tmp_path / "l.tar.gz", link("r.txt", "/etc/passwd"))
    assert read_file(linked, "r.txt", 100) is None


def test_reading_one_file_ends_where_unpacking_would(tmp_path: Path) -> None:
    hostile = {
        "up": make(tmp_path / "up.tar.gz", entry("../x"), entry("r.txt")),
        "large": make(tmp_path / "large.tar.gz", entry("x", bytes(3_000_000)), entry("r.txt")),
        "cut": make(tmp_path / "cut.tar.gz", entry("x", os.urandom(100_000)), entry("r.txt")),
    }
    hostile["cut"].write_bytes(hostile["cut"].read_bytes()[:50_000])
    for archive in hostile.values():
        with pytest.raises(ArchiveError):
            read_file(archive, "r.txt", 10, ArchiveLimits(total_bytes=1_000_000))
    (tmp_path / "none").write_bytes(b"no archive")
    with pytest.raises(ArchiveError):
        read_file(tmp_path / "none", "r.txt", 10)
