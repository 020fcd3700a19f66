"""PutBucketLifecycleConfiguration, its reading and deletion. The engine applies the rules (`object_lifecycle`).

What S3 refuses is refused here; transitions to other storage classes, which would move nothing, are not served.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from clary.base.errors import ApiError, NotServed
from clary.services.context import Context
from clary.services.s3 import errors
from clary.services.s3.names import own_bucket
from clary.store import buckets

LIFECYCLE = "lifecycle"
_MOST = 1000
_LONGEST_ID = 255
_ACTIONS = ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
_TRANSITIONS = ("Transitions", "NoncurrentVersionTransitions")
_CONDITIONS = ("Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan", "And")
_SIZES = "all_storage_classes_128K"


def put_bucket_lifecycle_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    rules = (request.get("LifecycleConfiguration") or {}).get("Rules") or []
    if not 1 <= len(rules) <= _MOST:
        raise errors.malformed_xml()
    kept = [_checked(rule) for rule in rules]
    if len({rule["ID"] for rule in kept}) != len(kept):
        raise errors.invalid_argument("Rule ID must be unique. Found same ID for more than one rule", "ID", "")
    sizes = request.get("TransitionDefaultMinimumObjectSize", _SIZES)
    with context.database.write() as tx:
        buckets.set_setting(tx, own_bucket(context, tx, request), LIFECYCLE, {"rules": kept, "sizes": sizes})
    return {"TransitionDefaultMinimumObjectSize": sizes}


def get_bucket_lifecycle_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        found = buckets.setting(tx, own_bucket(context, tx, request), LIFECYCLE)
    if found is None:
        message = "The lifecycle configuration does not exist"
        raise ApiError(message, code="NoSuchLifecycleConfiguration", status=404, BucketName=request["Bucket"])
    return {"Rules": found["rules"], "TransitionDefaultMinimumObjectSize": found["sizes"]}


def delete_bucket_lifecycle(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        buckets.set_setting(tx, own_bucket(context, tx, request), LIFECYCLE, None)
    return {}


def _checked(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule as it is kept: with an id, and with times in UTC."""
    if any(rule.get(name) for name in _TRANSITIONS):
        raise NotServed("PutBucketLifecycleConfiguration with transitions is not served by this version of Clary.")
    if rule["Status"] not in ("Enabled", "Disabled") or ("Filter" in rule) == ("Prefix" in rule):
        raise errors.malformed_xml()
    if not any(name in rule for name in _ACTIONS):
        raise errors.invalid_request("At least one action needs to be specified in a rule")
    if len(rule.get("ID", "")) > _LONGEST_ID:
        raise errors.invalid_argument("ID length should not exceed allowed limit of 255", "ID", rule["ID"][:300])
    _check_filter(rule)
    kept = {**rule, "ID": rule.get("ID") or str(uuid.uuid4())}
    if "Expiration" in rule:
        kept["Expiration"] = _checked_expiration(rule)
    if "NoncurrentVersionExpiration" in rule:
        _check_noncurrent(rule["NoncurrentVersionExpiration"])
    if "AbortIncompleteMultipartUpload" in rule:
        _check_days(
            rule["AbortIncompleteMultipartUpload"].get("DaysAfterInitiation"), "AbortIncompleteMultipartUpload"
        )
        if _narrow(rule):
            raise errors.invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags or sizes")
    return kept


def _check_filter(rule: dict[str, Any]) -> None:
    given = rule.get("Filter") or {}
    if len([name for name in _CONDITIONS if name in given]) > 1:
        raise errors.malformed_xml()
    both = given.get("And")
    if both is not None and len(both) + max(len(both.get("Tags") or []) - 1, 0) < 2:
        raise errors.malformed_xml()
    within = both or given
    tags = [given["Tag"]] if "Tag" in given else within.get("Tags") or []
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise errors.invalid_request("Duplicate Tag Keys are not allowed.")
    more, less = within.get("ObjectSizeGreaterThan"), within.get("ObjectSizeLessThan")
    if any(size is not None and size < 0 for size in (more, less)):
        raise errors.invalid_request("Object sizes of a rule must not be negative.")
    if more is not None and less is not None and more >= less:
        raise errors.invalid_request("ObjectSizeLessThan has to be a value greater than ObjectSizeGreaterThan.")


def _checked_expiration(rule: dict[str, Any]) -> dict[str, Any]:
    given = dict(rule["Expiration"])
    if len([name for name in ("Days", "Date", "ExpiredObjectDeleteMarker") if name in given]) != 1:
        raise errors.malformed_xml()
    if "Days" in given:
        _check_days(given["Days"], "Expiration action")
    if "Date" in given:
        moment: datetime = given["Date"]
        given["Date"] = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if given["Date"].time().replace(tzinfo=None) != datetime.min.time():
            message = "'Date' must be at midnight GMT"
            raise errors.invalid_argument(message, "Date", given["Date"].isoformat())
    if "ExpiredObjectDeleteMarker" in given and _narrow(rule):
        raise errors.invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags or sizes.")
    return given


def _check_noncurrent(given: dict[str, Any]) -> None:
    if "NoncurrentDays" not in given:
        raise errors.malformed_xml()
    _check_days(given["NoncurrentDays"], "NoncurrentVersionExpiration action")
    newer = given.get("NewerNoncurrentVersions")
    if newer is not None and not 1 <= newer <= 100:
        message = "'NewerNoncurrentVersions' must be a positive integer up to 100"
        raise errors.invalid_argument(message, "NewerNoncurrentVersions", newer)


def _check_days(days: Any, where: str) -> None:
    if days is None:
        raise errors.malformed_xml()
    if days < 1 or days > 2**31 // 1000:
        raise errors.invalid_argument(f"'Days' for {where} must be a positive integer", "Days", days)


def _narrow(rule: dict[str, Any]) -> bool:
    """Whether the rule looks at more than the prefix."""
    given = rule.get("Filter") or {}
    within = given.get("And") or given
    names = ("Tag", "Tags", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
    return any(name in within for name in names)
