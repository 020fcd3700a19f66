"""Applying the lifecycle rules of buckets: what is due goes, batch by batch, each batch in one short transaction.

Called by housekeeping. What to remove is decided on what was read; every entry is looked at again in the transaction
that removes it, so that an object which was replaced in between stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clary.definitions import lifecycle_rules
from clary.definitions.lifecycle_rules import Subject
from clary.store import buckets, object_events, objects, uploads, versions
from clary.store.blobs import Blobs
from clary.store.buckets import Bucket
from clary.store.database import Database, Transaction
from clary.store.object_events import Told
from clary.store.versions import Version

_BATCH = 1000
_SETTING = "lifecycle"
_CAUSE = object_events.Cause("Lifecycle Expiration", "s3.amazonaws.com", "s3.amazonaws.com")


@dataclass(slots=True)
class _Above:
    """What the walk has just seen of the same key: when the entry above came, and how many old ones are newer."""

    key: str = ""
    since: datetime | None = None
    newer: int = 0


def apply(database: Database, blobs: Blobs, now: datetime) -> int:
    """Apply the rules of all buckets. Returns how many entries and uploads went."""
    with database.read() as tx:
        found = buckets.with_setting(tx, _SETTING)
    return sum(_apply_to(database, blobs, bucket, document["rules"], now) for bucket, document in found)


def _apply_to(database: Database, blobs: Blobs, bucket: Bucket, rules: list[dict[str, Any]], now: datetime) -> int:
    removed = 0
    for batch in _due_batches(database, bucket, rules, now):
        with database.write() as tx:
            current = buckets.find(tx, bucket.name)
            if current is None or current.id != bucket.id:
                return removed
            garbage = [blob for entry in batch for blob in _remove(tx, current, entry, now)]
        blobs.delete(garbage)
        removed += len(batch)
    return removed + _abort_uploads(database, blobs, bucket, rules, now)


def _due_batches(
    database: Database, bucket: Bucket, rules: list[dict[str, Any]], now: datetime
) -> Iterator[list[Version]]:
    after, above = None, _Above()
    while True:
        with database.read() as tx:
            page = versions.page(tx, bucket, after=after, limit=_BATCH)
            due = [entry for entry in page if _is_due(tx, bucket, rules, entry, above, now)]
        if due:
            yield due
        if len(page) < _BATCH:
            return
        after = (page[-1].key, page[-1].place)


def _is_due(
    tx: Transaction, bucket: Bucket, rules: list[dict[str, Any]], entry: Version, above: _Above, now: datetime
) -> bool:
    latest = entry.key != above.key
    if latest:
        above.key, above.newer = entry.key, 0
    replaced_at, above.since = above.since, entry.modified_at
    since = entry.modified_at if latest or replaced_at is None else replaced_at
    tags = _tags(tx, bucket, entry) if not entry.marker and lifecycle_rules.asks_tags(rules) else {}
    subject = Subject(entry.key, entry.size, since, tags)
    if latest and entry.marker:
        return lifecycle_rules.lone_marker_due(rules, subject, now) and _is_alone(tx, bucket, entry)
    if latest:
        return lifecycle_rules.object_due(rules, subject, now)
    above.newer += 1
    return lifecycle_rules.version_due(rules, subject, above.newer - 1, now)


def _remove(tx: Transaction, bucket: Bucket, entry: Version, now: datetime) -> list[str]:
    """Remove an entry if it is still what and where it was; a current object of a bucket with versions is hidden."""
    if versions.place_of(tx, bucket, entry.key, entry.version) != entry.place:
        return []
    found = versions.find(tx, bucket, entry.key, entry.version)
    if found is None or found.stored.modified_at != entry.modified_at or found.stored.etag != entry.etag:
        return []
    if entry.marker:
        return versions.remove(tx, bucket, found) if _is_alone(tx, bucket, entry) else []
    current = objects.find(tx, bucket, entry.key)
    told = Told(entry.key, entry.size, entry.etag, entry.version)
    if current is None or current.version != entry.version:
        garbage = versions.remove(tx, bucket, found)
    elif bucket.versioning:
        marked = objects.mark_deleted(tx, bucket, current, entry.key, now)
        garbage, told = marked.garbage, object_events.marked(entry.key, marked.version)
    else:
        garbage = objects.remove(tx, [current])
    object_events.tell(tx, bucket, _CAUSE, [told], now)
    return garbage


def _is_alone(tx: Transaction, bucket: Bucket, marker: Version) -> bool:
    """Whether nothing but the marker is left of its key."""
    entries = versions.page(tx, bucket, start=marker.key.encode(), after=None, limit=2)
    return [entry.version for entry in entries if entry.key == marker.key] == [marker.version]


def _tags(tx: Transaction, bucket: Bucket, entry: Version) -> dict[str, str]:
    found = versions.find(tx, bucket, entry.key, entry.version)
    return dict(found.stored.document.get("tags", {})) if found else {}


def _abort_uploads(
    database: Database, blobs: Blobs, bucket: Bucket, rules: list[dict[str, Any]], now: datetime
) -> int:
    with database.read() as tx:
        found = uploads.page(tx, bucket, limit=100_000)
    due = [entry for entry in found if lifecycle_rules.upload_due(rules, entry.key, entry.started_at, now)]
    for upload in due:
        with database.write() as tx:
            still = uploads.find(tx, bucket, upload.key, upload.upload_id)
            garbage = uploads.remove(tx, still) if still else []
        blobs.delete(garbage)
    return len(due)
