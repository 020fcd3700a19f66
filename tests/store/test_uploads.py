"""Uploads: parts are replaced, joined and forgotten without losing count of their blobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clary.store import buckets, contents, uploads
from clary.store.blobs import Extent
from clary.store.buckets import Bucket
from clary.store.database import Database, Transaction
from clary.store.uploads import Part, Upload

NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


@pytest.fixture
def bucket(database: Database) -> Bucket:
    with database.write() as tx:
        return buckets.create(tx, account="1", region="r", name="bucket", now=NOW)


def start(tx: Transaction, bucket: Bucket, key: str = "key") -> Upload:
    return uploads.start(tx, bucket, key, storage_class="STANDARD", document={"a": 1}, now=NOW)


def put(tx: Transaction, upload: Upload, number: int, *blobs: str) -> list[str]:
    content = contents.add(tx, [Extent(blob, 0, 10) for blob in blobs])
    return uploads.put_part(tx, upload, Part(number, 10 * len(blobs), f"etag{number}", "", NOW, content))


def test_an_upload_is_found_only_under_its_own_key(database: Database, bucket: Bucket) -> None:
    with database.write() as tx:
        upload = start(tx, bucket)
        assert uploads.find(tx, bucket, "key", upload.upload_id) == upload
        assert uploads.find(tx, bucket, "other", upload.upload_id) is None


def test_a_part_replaces_the_one_of_its_number(database: Database, bucket: Bucket) -> None:
    with database.write() as tx:
        upload = start(tx, bucket)
        assert put(tx, upload, 2, "a") == []
        assert put(tx, upload, 1, "b") == []
        assert put(tx, upload, 2, "c") == ["a"]
        assert [part.number for part in uploads.parts(tx, upload)] == [1, 2]
        assert [part.number for part in uploads.parts(tx, upload, after=1)] == [2]


def test_joining_keeps_the_chosen_parts_and_gives_up_the_others(database: Database, bucket: Bucket) -> None:
    with database.write() as tx:
        upload = start(tx, bucket)
        put(tx, upload, 1, "a", "b")
        put(tx, upload, 2, "unused")
        put(tx, upload, 5, "c")
        one, _, five = uploads.parts(tx, upload)
        content, garbage = uploads.join(tx, upload, [one, five])
        assert garbage == ["unused"]
        extents = contents.extents(tx, content)
        assert [(extent.blob, extent.part) for extent in extents] == [("a", 1), ("b", 1), ("c", 5)]
        assert uploads.find(tx, bucket, "key", upload.upload_id) is None
        assert sorted(contents.release(tx, [content])) == ["a", "b", "c"]


def test_removing_a_bucket_s_uploads_gives_up_all_parts(database: Database, bucket: Bucket) -> None:
    with database.write() as tx:
        other = buckets.create(tx, account="1", region="r", name="other", now=NOW)
        for number in range(3):
            put(tx, start(tx, bucket), 1, f"blob{number}")
        kept = start(tx, other)
        put(tx, kept, 1, "kept")
        assert sorted(uploads.remove_all(tx, bucket)) == ["blob0", "blob1", "blob2"]
        assert uploads.page(tx, bucket, limit=10) == []
        assert [part.number for part in uploads.parts(tx, kept)] == [1]


def test_pages_of_uploads_go_on_within_one_key(database: Database, bucket: Bucket) -> None:
    with database.write() as tx:
        ids = sorted((key, start(tx, bucket, key).upload_id) for key in ("a", "b", "b", "b", "c"))
        found = [(upload.key, upload.upload_id) for upload in uploads.page(tx, bucket, limit=10)]
        assert found == ids
        second = ids[1][1]
        rest = uploads.page(tx, bucket, start=b"b", upload_id=second, limit=10)
        assert [upload.upload_id for upload in rest] == [upload for _, upload in ids[2:]]
        only = uploads.page(tx, bucket, prefix="b", limit=10)
        assert {upload.key for upload in only} == {"b"}
