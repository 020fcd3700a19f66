"""Telling others of objects that calls have made or removed, if the bucket wants that (see store/object_events)."""

from __future__ import annotations

from collections.abc import Sequence

from clary.services.context import Context
from clary.store import object_events
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.object_events import Cause
from clary.store.objects import NewObject, StoredObject


def tell_created(context: Context, tx: Transaction, bucket: Bucket, reason: str, new: NewObject) -> None:
    if bucket.notifications is not None:
        object_events.tell(tx, bucket, _cause(context, reason), [(new.key, new.size, new.etag)], context.now)


def tell_removed(context: Context, tx: Transaction, bucket: Bucket, removed: Sequence[StoredObject]) -> None:
    if bucket.notifications is not None:
        gone = [(stored.key, stored.size, stored.etag) for stored in removed]
        object_events.tell(tx, bucket, _cause(context, "DeleteObject"), gone, context.now)


def _cause(context: Context, reason: str) -> Cause:
    return Cause(
        reason,
        requester=context.principal.account,
        principal=context.principal.user_id,
        request_id=context.request_id,
        source_address=context.source_address,
    )
