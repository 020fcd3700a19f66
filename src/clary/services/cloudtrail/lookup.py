"""LookupEvents: management calls of the caller's account and region, the newest first."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError, NotServed
from clary.services.context import Context
from clary.store import audit
from clary.store.audit import Entry, Lookup

_COLUMNS = {
    "EventId": "event_id",
    "EventName": "name",
    "ReadOnly": "read_only",
    "Username": "username",
    "ResourceType": "resource_types",
    "ResourceName": "resource_names",
    "EventSource": "source",
    "AccessKeyId": "access_key_id",
}
_MOST = 50


def lookup_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """As on AWS one attribute can be asked for at a time."""
    if request.get("EventCategory"):
        raise NotServed("LookupEvents of insight events is not served by this version of Clary.")
    column, value = _attribute(request.get("LookupAttributes") or [])
    start, end = request.get("StartTime"), request.get("EndTime")
    if start is not None and end is not None and start > end:
        raise ApiError("Start time must be before end time.", code="InvalidTimeRangeException", status=400)
    size = request.get("MaxResults", _MOST)
    scope = f"{context.account}/{context.region}/{column}/{value}/{start}/{end}"
    after = None
    if request.get("NextToken"):
        at, row_id = context.pager.decode("LookupEvents", scope, request["NextToken"])
        after = (at, row_id)
    wanted = Lookup(context.account, context.region, size + 1, start, end, column, value, after)
    with context.database.read() as tx:
        found = audit.lookup(tx, wanted)
    answer: dict[str, Any] = {"Events": [_describe(entry) for entry, _ in found[:size]]}
    if len(found) > size:
        answer["NextToken"] = context.pager.encode("LookupEvents", scope, list(found[size - 1][1]))
    return answer


def _attribute(attributes: list[dict[str, str]]) -> tuple[str, Any]:
    if len(attributes) > 1:
        raise ApiError("Only one lookup attribute can be given.", code="InvalidLookupAttributesException", status=400)
    if not attributes:
        return "", None
    key, value = attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]
    if key == "ReadOnly":
        if value not in ("true", "false"):
            raise ApiError("ReadOnly is true or false.", code="InvalidLookupAttributesException", status=400)
        return _COLUMNS[key], value == "true"
    return _COLUMNS[key], value


def _describe(entry: Entry) -> dict[str, Any]:
    pairs = zip(entry.resource_types, entry.resource_names, strict=True)
    described = {
        "EventId": entry.event_id,
        "EventName": entry.name,
        "ReadOnly": "true" if entry.read_only else "false",
        "EventTime": entry.at.replace(microsecond=0),
        "EventSource": entry.source,
        "Username": entry.username,
        "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in pairs],
        "CloudTrailEvent": entry.event,
    }
    if entry.access_key_id:
        described["AccessKeyId"] = entry.access_key_id
    return described
