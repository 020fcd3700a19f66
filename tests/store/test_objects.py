"""What the engine uses of objects: files in, files out, walks; and contents that are counted rightly."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.store import buckets, contents, objects
from clary.store.blobs import Blobs, Extent
from clary.store.buckets import BucketNotFound, BucketOfOther
from clary.store.contents import cut
from clary.store.database import Database
from clary.store.objects import ObjectNotFound

NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, UTC)
ACCOUNT = "111122223333"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    with database.write() as tx:
        buckets.create(tx, account=ACCOUNT, region="us-east-1", name="bucket", now=NOW)
    yield database
    database.close()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def files(blobs: Blobs, tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def put(database: Database, blobs: Blobs, tmp_path: Path, key: str, data: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(data)
    objects.put_file(database, blobs, ACCOUNT, "bucket", key, source, now=NOW)


def test_a_file_goes_in_and_comes_out(database: Database, blobs: Blobs, tmp_path: Path) -> None:
    for number, data in enumerate((b"", b"small", os.urandom(2_500_000))):
        put(database, blobs, tmp_path, "key", data)
        target = tmp_path / f"target{number}"
        stored = objects.export(database, blobs, ACCOUNT, "bucket", "key", target)
        assert target.read_bytes() == data
        assert (stored.size, stored.etag) == (len(data), hashlib.md5(data).hexdigest())
    assert len(files(blobs, tmp_path)) == 1
    with database.read() as tx:
        found = objects.read(tx, ACCOUNT, "bucket", "key")
    assert found is not None
    assert found.modified_at == NOW.replace(microsecond=0)


def test_what_is_not_there_is_said_with_its_type(database: Database, blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"data")
    with pytest.raises(ObjectNotFound):
        objects.export(database, blobs, ACCOUNT, "bucket", "missing", tmp_path / "target")
    with pytest.raises(FileNotFoundError):
        objects.export(database, blobs, ACCOUNT, "bucket", "missing", tmp_path / "target")
    for account, bucket, error in ((ACCOUNT, "missing", BucketNotFound), ("999", "bucket", BucketOfOther)):
        with pytest.raises(error):
            objects.export(database, blobs, account, bucket, "key", tmp_path / "target")
        with pytest.raises(error):
            objects.put_file(database, blobs, account, bucket, "key", source, now=NOW)
        with database.read() as tx, pytest.raises(error):
            objects.read(tx, account, bucket, "key")
        with database.read() as tx, pytest.raises(error):
            list(objects.walk(tx, account, bucket))
    assert files(blobs, tmp_path) == []
    assert not (tmp_path / "target").exists()


def test_only_regular_files_are_taken(database: Database, blobs: Blobs, tmp_path: Path) -> None:
    """A job's output folder belongs to the job: a link there must not give away another file."""
    secret, link, pipe = tmp_path / "secret", tmp_path / "link", tmp_path / "pipe"
    secret.write_bytes(b"secret")
    link.symlink_to(secret)
    os.mkfifo(pipe)
    for source in (link, pipe, tmp_path):
        with pytest.raises((OSError, ValueError)):
            objects.put_file(database, blobs, ACCOUNT, "bucket", "key", source, now=NOW)
    assert files(blobs, tmp_path) == []


def test_a_walk_has_all_keys_below_a_prefix_in_order(
    database: Database, blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_WALK", 3)
    keys = [f"data/{number}" for number in range(9)] + ["data", "data0", "datá/1", "zz"]
    for key in keys:
        put(database, blobs, tmp_path, key, b"")
    with database.read() as tx:
        assert [entry.key for entry in objects.walk(tx, ACCOUNT, "bucket")] == sorted(keys, key=str.encode)
        below = [entry.key for entry in objects.walk(tx, ACCOUNT, "bucket", "data/")]
    assert below == [f"data/{number}" for number in range(9)]


def test_an_export_that_is_overtaken_by_an_overwrite_reads_again(
    database: Database, blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, blobs, tmp_path, "key", b"old")
    real, overtaken = blobs.export, []

    def export(extents: list[Extent], target: Path) -> None:
        if not overtaken:
            overtaken.append(True)
            put(database, blobs, tmp_path, "key", b"new")
        real(extents, target)

    monkeypatch.setattr(blobs, "export", export)
    objects.export(database, blobs, ACCOUNT, "bucket", "key", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_blob_is_garbage_when_its_last_content_has_lost_its_last_user(database: Database) -> None:
    with database.write() as tx:
        first = contents.add(tx, [Extent("blob-a", 0, 10), Extent("blob-b", 0, 5)])
        second = contents.add(tx, [Extent("blob-a", 2, 3), Extent("empty", 0, 0)])
        contents.share(tx, first)
        assert contents.release(tx, [first, None]) == []
        assert contents.release(tx, [first]) == ["blob-b"]
        assert contents.named_blobs(tx, ["blob-a", "blob-b", "empty"]) == {"blob-a"}
        assert contents.release(tx, [second]) == ["blob-a"]
        assert contents.add(tx, [Extent("empty", 0, 0)]) is None
        third = contents.add(tx, [Extent("blob-c", 0, 1)])
        contents.share(tx, third)
        assert contents.release(tx, [third, third]) == ["blob-c"]


@given(st.lists(st.binary(max_size=6), max_size=5), st.integers(0, 40), st.integers(0, 40))
def test_a_cut_is_a_slice_of_the_whole(pieces: list[bytes], start: int, length: int) -> None:
    whole = [Extent(str(number), 0, len(piece)) for number, piece in enumerate(pieces)]
    chosen = cut(whole, start, length)
    data = b"".join(pieces[int(e.blob)][e.start : e.start + e.length] for e in chosen)
    assert data == b"".join(pieces)[start : start + length]
    assert all(extent.length for extent in chosen)
