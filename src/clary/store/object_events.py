"""What happens to objects of buckets that want it told: an entry in the outbox, in the transaction that does it.

Called by everything that makes or removes objects, with the bucket's row; costs nothing when nobody is told. The
engine's dispatcher turns entries into events and messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

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


def tell(
    tx: Transaction, bucket: Bucket, cause: Cause, objects: Iterable[tuple[str, int, str]], now: datetime
) -> None:
    """`objects` are (key, size, ETag)."""
    if bucket.notifications is None:
        return
    for key, size, etag in objects:
        document = {
            "bucket": bucket.name,
            "key": key,
            "size": size,
            "etag": etag,
            "reason": cause.reason,
            "requester": cause.requester,
            "principal": cause.principal,
            "request_id": cause.request_id,
            "source_address": cause.source_address,
            "notifications": bucket.notifications,
        }
        outbox.add(tx, account=bucket.account, region=bucket.region, topic=TOPIC, document=document, at=now)
