"""Blobs: pinned while they are read, swept when nobody knows them, exported whole."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from clary.store import blobs as blobs_module
from clary.store.blobs import BlobMissing, Blobs, Extent, Incoming


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def spool(blobs: Blobs, data: bytes) -> Incoming:
    path = blobs.new_incoming_path()
    path.write_bytes(data)
    return Incoming(path, len(data), hashlib.md5(data).digest(), {})


def adopt(blobs: Blobs, data: bytes) -> Extent:
    return Extent(blobs.adopt(spool(blobs, data)), 0, len(data))


def test_a_body_is_moved_to_a_name_of_its_own(blobs: Blobs) -> None:
    incoming = spool(blobs, b"data")
    blob = blobs.adopt(incoming)
    assert blobs.path(blob).read_bytes() == b"data"
    assert not incoming.path.exists()
    incoming.discard()
    assert blobs.path(blob).parent.parent.name == blob[0]
    assert blobs.path(blob).parent.name == blob[1]


def test_a_slice_reads_across_files(blobs: Blobs) -> None:
    first, second = adopt(blobs, b"0123456789"), adopt(blobs, b"abcdef")
    with blobs.open([Extent(first.blob, 8, 2), Extent(second.blob, 0, 3), Extent(first.blob, 0, 1)]) as reader:
        assert reader.length == 6
        assert reader.read(1) == b"8"
        assert b"".join(iter(lambda: reader.read(4), b"")) == b"9abc0"
    with blobs.open([]) as empty:
        assert (empty.length, empty.read(10)) == (0, b"")


def test_a_blob_that_is_read_stays_until_its_last_reader_has_closed(blobs: Blobs) -> None:
    extent = adopt(blobs, b"data")
    first, second = blobs.open([extent]), blobs.open([extent])
    blobs.delete([extent.blob])
    assert first.read(10) == b"data"
    first.close()
    first.close()
    assert second.read(10) == b"data"
    assert blobs.path(extent.blob).exists()
    second.close()
    assert not blobs.path(extent.blob).exists()
    with pytest.raises(BlobMissing):
        blobs.open([extent])


def test_a_forgotten_reader_lets_go(blobs: Blobs) -> None:
    extent = adopt(blobs, b"data")
    reader = blobs.open([extent])
    blobs.delete([extent.blob])
    del reader
    assert not blobs.path(extent.blob).exists()


def test_a_failed_open_pins_nothing(blobs: Blobs) -> None:
    extent = adopt(blobs, b"data")
    with pytest.raises(BlobMissing):
        blobs.open([extent, Extent("zz-missing", 0, 1)])
    blobs.delete([extent.blob])
    assert not blobs.path(extent.blob).exists()


def test_a_file_that_has_become_shorter_is_an_error_and_not_an_end(blobs: Blobs, tmp_path: Path) -> None:
    extent = adopt(blobs, b"0123456789")
    os.truncate(blobs.path(extent.blob), 4)
    with blobs.open([extent]) as reader:
        assert reader.read(100) == b"0123"
        with pytest.raises(BlobMissing):
            reader.read(100)
    with pytest.raises(BlobMissing):
        blobs.export([extent], tmp_path / "target")


@pytest.mark.parametrize("in_kernel", [True, False])
def test_exports_are_whole(blobs: Blobs, tmp_path: Path, in_kernel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not in_kernel:

        def refuse(*_arguments: object) -> int:
            raise OSError("not on this file system")

        monkeypatch.setattr(blobs_module.os, "copy_file_range", refuse)
    data = os.urandom(3_000_000)
    extent = adopt(blobs, data)
    blobs.export([Extent(extent.blob, 1000, 2_500_000), extent], tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == data[1000:2_501_000] + data
    with pytest.raises(FileExistsError):
        blobs.export([extent], tmp_path / "target")


def test_a_sweep_removes_only_old_files_that_nobody_knows(blobs: Blobs) -> None:
    known, orphan, young, read = (adopt(blobs, name) for name in (b"known", b"orphan", b"young", b"read"))
    stale, fresh = spool(blobs, b"stale").path, spool(blobs, b"fresh").path
    an_hour_ago = time.time() - 3601
    for path in (blobs.path(known.blob), blobs.path(orphan.blob), blobs.path(read.blob), stale):
        os.utime(path, (an_hour_ago, an_hour_ago))
    reader = blobs.open([read])

    def know(names: Sequence[str]) -> set[str]:
        return {known.blob} & set(names)

    assert blobs.sweep(know, older_than=3600) == 3
    assert not blobs.path(orphan.blob).exists()
    assert not stale.exists()
    assert blobs.path(young.blob).exists()
    assert fresh.exists()
    assert reader.read(10) == b"read"
    reader.close()
    assert blobs.sweep(know, older_than=0) == 2
    assert blobs.path(known.blob).read_bytes() == b"known"


def test_readers_and_deleters_do_not_hurt_each_other(blobs: Blobs) -> None:
    """Readers get all of a blob or BlobMissing, whenever it is deleted."""
    extents = [adopt(blobs, bytes([number]) * 100) for number in range(50)]
    wrong: list[bytes] = []

    def read_all() -> None:
        for extent in extents:
            try:
                with blobs.open([extent]) as reader:
                    data = reader.read(60) + reader.read(60)
            except BlobMissing:
                continue
            if len(data) != 100 or len(set(data)) != 1:
                wrong.append(data)

    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for extent in extents:
        blobs.delete([extent.blob])
    for thread in threads:
        thread.join()
    assert wrong == []
    assert not any(blobs.path(extent.blob).exists() for extent in extents)
