"""Objects of buckets that want it told leave an entry in the outbox, whichever way they come; others leave none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clary.store import buckets, object_events, objects, outbox
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.store.object_events import Cause, Told

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = "111122223333"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    with database.write() as tx:
        for name in ("told", "quiet"):
            bucket = buckets.create(tx, account=ACCOUNT, region="us-east-1", name=name, now=NOW)
            if name == "told":
                buckets.set_notifications(tx, bucket, {"EventBridgeConfiguration": {}})
    yield database
    database.close()


def test_uploads_of_jobs_are_told(database: Database, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"12345")
    blobs = Blobs(tmp_path / "blobs")
    for name in ("told", "quiet"):
        objects.put_file(database, blobs, ACCOUNT, name, "out/model", tmp_path / "model", now=NOW)
    with database.read() as tx:
        (entry,) = outbox.first(tx, 10)
    assert entry.topic == object_events.TOPIC
    assert entry.document["bucket"] == "told"
    assert (entry.document["key"], entry.document["size"]) == ("out/model", 5)
    assert entry.document["notifications"] == {"EventBridgeConfiguration": {}}


def test_what_is_said_of_a_bucket_goes_with_it(database: Database) -> None:
    with database.write() as tx:
        bucket = buckets.get(tx, ACCOUNT, "told")
        assert bucket.notifications == {"EventBridgeConfiguration": {}}
        buckets.set_notifications(tx, bucket, None)
        changed = buckets.get(tx, ACCOUNT, "told")
        object_events.tell(tx, changed, Cause("PutObject"), [Told("a", 1, "e", "null")], NOW)
        assert outbox.first(tx, 10) == []
        buckets.set_notifications(tx, bucket, {})
        buckets.remove(tx, bucket)
        again = buckets.create(tx, account=ACCOUNT, region="us-east-1", name="told", now=NOW)
        assert again.notifications is None
        assert buckets.get(tx, ACCOUNT, "told").notifications is None
