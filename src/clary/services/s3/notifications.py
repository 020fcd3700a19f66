"""PutBucketNotificationConfiguration and its reading: who is told of a bucket's objects.

Kept with the bucket; what is sent, and to whom, is decided by the engine when something happens.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from clary.base.arns import parse_arn
from clary.base.errors import ApiError, NotServed, ValidationException
from clary.events.objects import first_message
from clary.services.context import Context
from clary.services.s3 import errors
from clary.services.s3.names import own_bucket
from clary.store import buckets, deliveries, resources
from clary.store.database import Transaction

_SERVICE = "s3.amazonaws.com"
_MOST = 100
_TARGETS = {
    "TopicConfigurations": ("TopicArn", "sns"),
    "QueueConfigurations": ("QueueArn", "sqs"),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "lambda"),
}
_SERVED = ("s3:ObjectCreated:", "s3:ObjectRemoved:", "s3:LifecycleExpiration:")


def put_bucket_notification_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Replaces the whole configuration. Queues and topics that were not there get a test message, as from S3."""
    wanted = request["NotificationConfiguration"]
    document: dict[str, Any] = {}
    for member, arn, entry in _entries(wanted):
        document.setdefault(member, []).append(_checked(member, arn, entry))
    ids = [entry["Id"] for entries in document.values() for entry in entries]
    if len(ids) > _MOST or len(ids) != len(set(ids)):
        raise errors.invalid_argument("Configurations need different ids, and there may be 100.", "Id", str(len(ids)))
    _check_apart([entry for entries in document.values() for entry in entries])
    if "EventBridgeConfiguration" in wanted:
        document["EventBridgeConfiguration"] = {}
    with context.database.write() as tx:
        bucket = own_bucket(context, tx, request)
        before = {arn for _, arn, _ in _entries(bucket.notifications or {})}
        new = sorted({arn for _, arn, _ in _entries(document)} - before)
        if not request.get("SkipDestinationValidation"):
            _check_exist(tx, new)
        buckets.set_notifications(tx, bucket, document or None)
        for arn in new:
            if parse_arn(arn).service == "lambda":
                continue  # functions expect Records
            deliveries.add(
                tx,
                account=bucket.account,
                region=bucket.region,
                target=arn,
                body=json.dumps(first_message(bucket.name, context.now, context.request_id)),
                now=context.now,
                service=_SERVICE,
                source=f"arn:aws:s3:::{bucket.name}",
                options={"Subject": "Amazon S3 Notification"},
            )
    return {}


def get_bucket_notification_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return dict(own_bucket(context, tx, request).notifications or {})


def _entries(configuration: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for member, (name, _) in _TARGETS.items():
        for entry in configuration.get(member) or []:
            yield member, entry[name], entry


def _checked(member: str, arn: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The entry as it is kept: with an id, and with the names of its filter rules in S3's spelling."""
    try:
        service = parse_arn(arn).service
    except ValidationException:
        service = ""
    if service != _TARGETS[member][1] or arn.endswith(".fifo"):
        raise errors.invalid_argument("The ARN is not well formed", _TARGETS[member][0], arn)
    for event in entry["Events"]:
        if not event.startswith(_SERVED):
            raise NotServed(f"Notifications of {event} are not served by this version of Clary.")
    kept = {**entry, "Id": entry.get("Id") or str(uuid.uuid4())}
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []
    if rules:
        kept["Filter"] = {"Key": {"FilterRules": _filter_rules(rules)}}
    return kept


def _filter_rules(rules: list[dict[str, str]]) -> list[dict[str, str]]:
    found = [{"Name": rule["Name"].capitalize(), "Value": rule.get("Value", "")} for rule in rules]
    names = [rule["Name"] for rule in found]
    if len(set(names)) != len(names) or not set(names) <= {"Prefix", "Suffix"}:
        text = "filter rule name must be either prefix or suffix, each at most once"
        raise errors.invalid_argument(text, "FilterRule.Name", ",".join(names)[:100])
    return found


def _check_apart(entries: list[dict[str, Any]]) -> None:
    """No object's event may fall under two entries."""
    for one, other in combinations(entries, 2):
        ours, theirs = _affixes(one), _affixes(other)
        if not any(_meet(first, second) for first in set(one["Events"]) for second in set(other["Events"])):
            continue
        prefixes = ours[0].startswith(theirs[0]) or theirs[0].startswith(ours[0])
        suffixes = ours[1].endswith(theirs[1]) or theirs[1].endswith(ours[1])
        if not any(ours + theirs):
            text = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
        elif prefixes and suffixes:
            text = (
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes "
                "are overlapping for the same event type."
            )
        else:
            continue
        raise errors.invalid_argument(text, "Id", f"{one['Id']},{other['Id']}")


def _meet(one: str, other: str) -> bool:
    """Whether two event types have an event in common; `*` is only ever at the end."""
    ours, theirs = one.removesuffix("*"), other.removesuffix("*")
    if one == ours and other == theirs:
        return one == other
    return (other != theirs and ours.startswith(theirs)) or (one != ours and theirs.startswith(ours))


def _affixes(entry: dict[str, Any]) -> tuple[str, str]:
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []
    named = {rule["Name"]: rule["Value"] for rule in rules}
    return named.get("Prefix", ""), named.get("Suffix", "")


def _check_exist(tx: Transaction, arns: list[str]) -> None:
    for arn in arns:
        plain = ":".join(arn.split(":")[:7])  # functions may be named with a version
        if resources.find_by_arn(tx, plain) is None:
            raise ApiError(
                "Unable to validate the following destination configurations",
                code="InvalidArgument",
                status=400,
                ArgumentName1=arn,
                ArgumentValue1="The destination queue, topic or function does not exist",
            )
