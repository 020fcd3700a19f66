"""What S3 tells of its objects: the event on the default bus, and the classic record for topics and the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from clary.events.envelope import iso_millis

_NAMES = {
    "PutObject": "ObjectCreated:Put",
    "CopyObject": "ObjectCreated:Copy",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
    "DeleteObject": "ObjectRemoved:Delete",
    "Lifecycle Expiration": "LifecycleExpiration:Delete",
}
_MARKERS = {
    "DeleteObject": "ObjectRemoved:DeleteMarkerCreated",
    "Lifecycle Expiration": "LifecycleExpiration:DeleteMarkerCreated",
}
_REMOVALS = frozenset({"DeleteObject", "Lifecycle Expiration"})
_TARGETS = (
    ("TopicConfigurations", "TopicArn"),
    ("QueueConfigurations", "QueueArn"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One object made or removed. `sequence` grows with each change of any object."""

    facts: Mapping[str, Any]
    account: str
    region: str
    at: datetime
    sequence: int

    @property
    def removed(self) -> bool:
        return self.facts["reason"] in _REMOVALS

    @property
    def marker(self) -> bool:
        """Whether nothing was removed, but hidden by a delete marker."""
        return bool(self.facts.get("marker"))

    @property
    def version(self) -> str:
        """Of the object or the delete marker; empty in buckets that never kept versions."""
        return str(self.facts.get("version", ""))

    @property
    def name(self) -> str:
        """As configurations of notifications have it, behind `s3:`."""
        return (_MARKERS if self.marker else _NAMES)[self.facts["reason"]]

    @property
    def sequencer(self) -> str:
        return f"{self.sequence:018X}"


def detail_type(happening: Happening) -> str:
    return "Object Deleted" if happening.removed else "Object Created"


def detail(happening: Happening) -> dict[str, Any]:
    """The `detail` of the event; keys are as they are."""
    facts = happening.facts
    described = {"key": facts["key"], "etag": facts["etag"], "sequencer": happening.sequencer}
    described |= {"version-id": happening.version} if happening.version else {}
    if not happening.removed:
        described["size"] = facts["size"]
    found = {
        "version": "0",
        "bucket": {"name": facts["bucket"]},
        "object": described,
        "request-id": facts["request_id"],
        "requester": facts["requester"],
        "source-ip-address": facts["source_address"],
        "reason": facts["reason"],
    }
    kind = "Delete Marker Created" if happening.marker else "Permanently Deleted"
    return {**found, "deletion-type": kind} if happening.removed else found


def wanted_targets(happening: Happening) -> Iterator[tuple[str, dict[str, Any]]]:
    """ARN and classic message for every configuration that wants this."""
    event = happening.name
    for member, name in _TARGETS:
        for entry in happening.facts["notifications"].get(member) or []:
            if _wants_event(entry["Events"], event) and _wants_key(entry, happening.facts["key"]):
                yield entry[name], {"Records": [_record(happening, event, entry["Id"])]}


def first_message(bucket: str, now: datetime, request_id: str) -> dict[str, Any]:
    """What S3 sends to a target that has just been configured."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso_millis(now),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": "",
    }


def _wants_event(wanted: list[str], event: str) -> bool:
    name = f"s3:{event}"
    return any(name == item or (item.endswith("*") and name.startswith(item[:-1])) for item in wanted)


def _wants_key(entry: Mapping[str, Any], key: str) -> bool:
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []
    return all(
        key.startswith(rule["Value"]) if rule["Name"].lower() == "prefix" else key.endswith(rule["Value"])
        for rule in rules
    )


def _record(happening: Happening, event: str, configuration: str) -> dict[str, Any]:
    """Keys are URL-encoded here, with + for blanks."""
    facts = happening.facts
    described: dict[str, Any] = {"key": quote_plus(facts["key"], safe="/"), "sequencer": happening.sequencer}
    described |= {"versionId": happening.version} if happening.version else {}
    if not happening.removed:
        described |= {"size": facts["size"], "eTag": facts["etag"]}
    elif happening.marker:
        described["eTag"] = facts["etag"]
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": happening.region,
        "eventTime": iso_millis(happening.at),
        "eventName": event,
        "userIdentity": {"principalId": f"AWS:{facts['principal']}"},
        "requestParameters": {"sourceIPAddress": facts["source_address"]},
        "responseElements": {"x-amz-request-id": facts["request_id"], "x-amz-id-2": facts["request_id"]},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": facts["bucket"],
                "ownerIdentity": {"principalId": happening.account},
                "arn": f"arn:aws:s3:::{facts['bucket']}",
            },
            "object": described,
        },
    }
