"""DeleteObject and DeleteObjects. Deleting what does not exist succeeds."""

from __future__ import annotations

from typing import Any

from clary.base.crash import crash_here
from clary.base.errors import AccessDenied, ApiError
from clary.services.context import Context
from clary.services.s3 import conditions, errors
from clary.services.s3.names import check_key, check_version, own_bucket
from clary.services.s3.telling import tell_removed
from clary.store import objects
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.objects import StoredObject

_MOST = 1000


def delete_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_key(request["Key"])
    check_version(request)
    with context.database.write() as tx:
        bucket = own_bucket(context, tx, request)
        stored = objects.find(tx, bucket, request["Key"])
        if stored is not None:
            _check_condition(stored, request.get("IfMatch"))
        doomed = [stored] if stored else []
        garbage = objects.remove(tx, doomed)
        tell_removed(context, tx, bucket, doomed)
    crash_here("s3.delete.before_garbage")
    context.blobs.delete(garbage)
    return {}


def delete_objects(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Up to 1,000 keys in one transaction. Each key is authorised and answered for itself."""
    wanted = request["Delete"].get("Objects") or []
    if not 1 <= len(wanted) <= _MOST:
        raise errors.malformed_xml()
    failed: list[dict[str, str]] = []
    allowed = [entry for entry in wanted if _may_delete(context, request, entry, failed)]
    with context.database.write() as tx:
        bucket = own_bucket(context, tx, request)
        doomed, deleted = _sort_out(tx, bucket, allowed, failed)
        garbage = objects.remove(tx, doomed)
        tell_removed(context, tx, bucket, doomed)
    crash_here("s3.delete.before_garbage")
    context.blobs.delete(garbage)
    answer: dict[str, Any] = {"Errors": failed} if failed else {}
    if not request["Delete"].get("Quiet"):
        answer["Deleted"] = deleted
    return answer


def _sort_out(
    tx: Transaction,
    bucket: Bucket,
    entries: list[dict[str, Any]],
    failed: list[dict[str, str]],
) -> tuple[list[StoredObject], list[dict[str, str]]]:
    """Objects to delete and what to answer; entries whose condition does not hold go to `failed`."""
    found = objects.find_many(tx, bucket, [entry["Key"] for entry in entries])
    doomed: dict[str, StoredObject] = {}
    deleted = []
    for entry in entries:
        stored = found.get(entry["Key"])
        try:
            if stored is not None:
                _check_condition(stored, entry.get("ETag"))
                doomed[stored.key] = stored
            deleted.append({"Key": entry["Key"]})
        except ApiError as error:
            failed.append(_failure(entry, error))
    return list(doomed.values()), deleted


def _may_delete(
    context: Context, request: dict[str, Any], entry: dict[str, Any], failed: list[dict[str, str]]
) -> bool:
    try:
        context.authorize("s3:DeleteObject", f"arn:aws:s3:::{request['Bucket']}/{entry['Key']}")
        check_key(entry["Key"])
        check_version(entry)
    except ApiError as error:
        failed.append(_failure(entry, error))
        return False
    return True


def _failure(entry: dict[str, Any], error: ApiError) -> dict[str, str]:
    code = "AccessDenied" if isinstance(error, AccessDenied) else error.code
    return {"Key": entry["Key"], "Code": code, "Message": error.message}


def _check_condition(stored: StoredObject, etag: str | None) -> None:
    if etag is not None and not conditions.matches(etag, stored.etag):
        raise errors.precondition_failed("If-Match")
