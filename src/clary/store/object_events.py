"""What happens to objects of buckets that want it told: an entry in the outbox, in the transaction that does it.

Called by everything that makes or removes objects, with the bucket's row; costs nothing when nobody is told. The
engine's dispatcher turns entries into events and messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5

from clary.store import outbox
from clary.store.buckets import Bucket
from clary.store.database import Transaction

TOPIC = "object"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why: `reason` is the S3 operation; `requester` the account (or service) and `principal` the id behind it."""

    reason: str
    requester: str = "sagemaker.amazonaws.com"
    principal: str = "sagemaker.amazonaws.com"
    request_id: str = ""
    source_address: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What was made or removed. `marker`: not removed, but hidden by a delete marker whose version this is."""

    key: str
    size: int
    etag: str
    version: str
    marker: bool = False


def marked(key: str, version: str) -> Told:
    """A delete marker that was laid over a key; it has the ETag of nothing."""
    return Told(key, 0, md5(b"", usedforsecurity=False).hexdigest(), version, marker=True)


def tell(tx: Transaction, bucket: Bucket, cause: Cause, objects: Iterable[Told], now: datetime) -> None:
    """Versions are only told of buckets that know any."""
    if bucket.notifications is None:
        return
    for told in objects:
        document = {
            "bucket": bucket.name,
            "key": told.key,
            "size": told.size,
            "etag": told.etag,
            "version": told.version if bucket.versioning else "",
            "marker": told.marker,
            "reason": cause.reason,
            "requester": cause.requester,
            "principal": cause.principal,
            "request_id": cause.request_id,
            "source_address": cause.source_address,
            "notifications": bucket.notifications,
        }
        outbox.add(tx, account=bucket.account, region=bucket.region, topic=TOPIC, document=document, at=now)
