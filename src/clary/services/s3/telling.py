"""Telling others of objects that calls have made or removed, if the bucket wants that (see store/object_events)."""

from __future__ import annotations

from collections.abc import Iterable

from clary.services.context import Context
from clary.store import object_events, objects
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.object_events import Cause, Told
from clary.store.objects import NewObject, StoredObject


def tell_created(context: Context, tx: Transaction, bucket: Bucket, reason: str, new: NewObject) -> None:
    if bucket.notifications is not None:
        told = Told(new.key, new.size, new.etag, objects.shown_version(bucket, new))
        object_events.tell(tx, bucket, _cause(context, reason), [told], context.now)


def tell_removed(context: Context, tx: Transaction, bucket: Bucket, removed: Iterable[Told]) -> None:
    if bucket.notifications is not None:
        object_events.tell(tx, bucket, _cause(context, "DeleteObject"), removed, context.now)


def gone(stored: StoredObject) -> Told:
    """An object, or a version of it, that is there no more."""
    return Told(stored.key, stored.size, stored.etag, stored.version)


def _cause(context: Context, reason: str) -> Cause:
    return Cause(
        reason,
        requester=context.principal.account or context.principal.kind,
        principal=context.principal.user_id,
        request_id=context.request_id,
        source_address=context.source_address,
    )
