"""DeleteObject and DeleteObjects. Deleting what does not exist succeeds.

Where a bucket keeps versions, deleting a key lays a delete marker over it; only a named version goes for good.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clary.base.crash import crash_here
from clary.base.errors import AccessDenied, ApiError
from clary.services.context import Context
from clary.services.s3 import conditions, errors, permission
from clary.services.s3.names import check_key, open_bucket, wanted_version
from clary.services.s3.telling import gone, tell_removed
from clary.store import object_events, objects, versions
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.object_events import Told
from clary.store.objects import StoredObject

_MOST = 1000


@dataclass(slots=True)
class _Work:
    """What one call removes, collected on the way through its keys. `doomed` are rows to remove in one go."""

    current: dict[str, StoredObject]
    garbage: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    doomed: dict[int, StoredObject] = field(default_factory=dict)


def delete_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_key(request["Key"])
    version = wanted_version(request)
    permission.check_object(context, request, "s3:DeleteObject")
    with context.database.write() as tx:
        bucket = open_bucket(tx, request)
        work = _Work(objects.find_many(tx, bucket, [request["Key"]]))
        answer = _delete(context, tx, bucket, work, request["Key"], version, request.get("IfMatch"))
        _finish(context, tx, bucket, work)
    crash_here("s3.delete.before_garbage")
    context.blobs.delete(work.garbage)
    return answer


def delete_objects(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Up to 1,000 keys in one transaction. Each key is authorised and answered for itself."""
    wanted = request["Delete"].get("Objects") or []
    if not 1 <= len(wanted) <= _MOST:
        raise errors.malformed_xml()
    failed: list[dict[str, str]] = []
    deleted: list[dict[str, Any]] = []
    allowed = [entry for entry in wanted if _may_delete(context, request, entry, failed)]
    with context.database.write() as tx:
        bucket = open_bucket(tx, request)
        work = _Work(objects.find_many(tx, bucket, [entry["Key"] for entry in allowed]))
        for entry in allowed:
            try:
                done = _delete(context, tx, bucket, work, entry["Key"], entry.get("VersionId"), entry.get("ETag"))
                deleted.append(_told(entry, done))
            except ApiError as error:
                failed.append(failure_of(entry, error))
        _finish(context, tx, bucket, work)
    crash_here("s3.delete.before_garbage")
    context.blobs.delete(work.garbage)
    answer: dict[str, Any] = {"Errors": failed} if failed else {}
    if not request["Delete"].get("Quiet"):
        answer["Deleted"] = deleted
    return answer


def _delete(
    context: Context, tx: Transaction, bucket: Bucket, work: _Work, key: str, version: str | None, etag: str | None
) -> dict[str, Any]:
    """Delete one key or version; DeleteMarker and VersionId as DeleteObject answers them."""
    if bucket.versioning and version is not None:
        return _delete_version(tx, bucket, work, key, version, etag)
    # In one call a key may come twice: after a delete marker nothing is current any more.
    current = work.current.get(key) if not bucket.versioning else objects.find(tx, bucket, key)
    if version not in (None, objects.NULL_VERSION):
        return {}
    if current is not None:
        _check_condition(current, etag)
    if not bucket.versioning:
        work.doomed |= {current.id: current} if current else {}
        return {}
    marked = objects.mark_deleted(tx, bucket, current, key, context.now)
    work.told.append(object_events.marked(key, marked.version))
    work.garbage += marked.garbage
    return {"DeleteMarker": True, "VersionId": marked.version}


def _delete_version(
    tx: Transaction, bucket: Bucket, work: _Work, key: str, version: str, etag: str | None
) -> dict[str, Any]:
    found = versions.find(tx, bucket, key, version)
    if found is not None:
        if not found.marker:
            _check_condition(found.stored, etag)
        work.told.append(gone(found.stored))
        work.garbage += versions.remove(tx, bucket, found)
    lifted = {"DeleteMarker": True} if found is not None and found.marker else {}
    return {"VersionId": version, **lifted}


def _finish(context: Context, tx: Transaction, bucket: Bucket, work: _Work) -> None:
    doomed = list(work.doomed.values())
    work.garbage += objects.remove(tx, doomed)
    tell_removed(context, tx, bucket, [*work.told, *map(gone, doomed)])


def _told(entry: dict[str, Any], done: dict[str, Any]) -> dict[str, Any]:
    """One entry of Deleted: which version was asked for, and the marker that was laid or lifted."""
    told: dict[str, Any] = {name: entry[name] for name in ("Key", "VersionId") if name in entry}
    if done.get("DeleteMarker"):
        told |= {"DeleteMarker": True, "DeleteMarkerVersionId": done["VersionId"]}
    return told


def _may_delete(
    context: Context, request: dict[str, Any], entry: dict[str, Any], failed: list[dict[str, str]]
) -> bool:
    try:
        named = {**entry, "Bucket": request["Bucket"]}
        permission.check_object(context, named, "s3:DeleteObject")
        check_key(entry["Key"])
        wanted_version(entry)
    except ApiError as error:
        failed.append(failure_of(entry, error))
        return False
    return True


def failure_of(entry: dict[str, Any], error: ApiError) -> dict[str, str]:
    code = "AccessDenied" if isinstance(error, AccessDenied) else error.code
    named = {"VersionId": entry["VersionId"]} if "VersionId" in entry else {}
    return {"Key": entry["Key"], **named, "Code": code, "Message": error.message}


def _check_condition(stored: StoredObject, etag: str | None) -> None:
    if etag is not None and not conditions.matches(etag, stored.etag):
        raise errors.precondition_failed("If-Match")
