"""Conditional headers: pure decisions over an object's ETag and time of change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from clary.services.s3 import errors
from clary.store.objects import StoredObject


def check_read(request: Mapping[str, Any], stored: StoredObject) -> None:
    """Raise 412 or 304 as GET and HEAD do. An ETag condition makes the time condition beside it void."""
    failed, unchanged = _evaluate(request, stored, "")
    if failed:
        raise errors.precondition_failed(failed)
    if unchanged:
        raise errors.not_modified(f'"{stored.etag}"')


def check_copy(request: Mapping[str, Any], stored: StoredObject) -> None:
    """The same for the source of a copy, where everything that does not hold is a 412."""
    failed, unchanged = _evaluate(request, stored, "CopySource")
    condition = failed or unchanged
    if condition:
        raise errors.precondition_failed(f"x-amz-copy-source-{condition}")


def check_write(request: Mapping[str, Any], key: str, existing: StoredObject | None) -> None:
    """If-None-Match: * and If-Match of PutObject, CopyObject and CompleteMultipartUpload."""
    none_match, match = request.get("IfNoneMatch"), request.get("IfMatch")
    if none_match is not None:
        if none_match.strip() != "*":
            raise errors.not_implemented("A header you provided implies functionality that is not implemented")
        if existing is not None:
            raise errors.precondition_failed("If-None-Match")
    if match is not None:
        if existing is None:
            raise errors.no_such_key(key)
        if not matches(match, existing.etag):
            raise errors.precondition_failed("If-Match")


def matches(header: str, etag: str) -> bool:
    """Whether an ETag is in the list of a header, which may be `*`."""
    given = [item.strip().removeprefix("W/").strip('"') for item in header.split(",")]
    return "*" in given or etag in given


def _evaluate(request: Mapping[str, Any], stored: StoredObject, prefix: str) -> tuple[str, str]:
    """Names of the conditions that say `failed` and `not modified`."""
    match, none_match = request.get(f"{prefix}IfMatch"), request.get(f"{prefix}IfNoneMatch")
    unmodified, modified = request.get(f"{prefix}IfUnmodifiedSince"), request.get(f"{prefix}IfModifiedSince")
    if match is not None:
        if not matches(match, stored.etag):
            return "If-Match", ""
    elif unmodified is not None and stored.modified_at > _utc(unmodified):
        return "If-Unmodified-Since", ""
    if none_match is not None:
        if matches(none_match, stored.etag):
            return "", "If-None-Match"
    elif modified is not None and stored.modified_at <= _utc(modified):
        return "", "If-Modified-Since"
    return "", ""


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
