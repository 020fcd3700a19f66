"""From a call to its record in the audit trail: what counts, what is left out, in CloudTrail's words. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clary.access.principals import Principal
from clary.base import ids
from clary.base.errors import ApiError
from clary.store.audit import Entry
from clary.wire.error_codes import localize

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

_READS = (
    "Describe", "Get", "List", "Head", "Lookup", "Search", "Query", "BatchGet", "BatchDescribe", "Simulate",
    "Filter", "AssumeRole", "TestEventPattern", "Render",
)  # fmt: skip
_ACKNOWLEDGING = (
    "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch",
)  # fmt: skip
_DATA: Mapping[str, frozenset[str]] = {
    "sqs": frozenset(("SendMessage", "SendMessageBatch", "ReceiveMessage", *_ACKNOWLEDGING)),
    "sns": frozenset(("Publish", "PublishBatch")),
    "lambda": frozenset(("Invoke", "InvokeAsync", "InvokeWithResponseStream")),
    "logs": frozenset(("PutLogEvents", "GetLogEvents", "FilterLogEvents", "GetLogRecord", "StartLiveTail")),
    "events": frozenset(("PutEvents",)),
    "cloudwatch": frozenset(("PutMetricData", "GetMetricData", "GetMetricStatistics", "ListMetrics")),
}
_DATA_SERVICES = frozenset(("sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime"))
# What the names of S3's operations on buckets have in them; some do not say that it is a bucket.
_BUCKET_PARTS = ("Bucket", "PublicAccessBlock", "ObjectLockConfiguration")
_SECRET_PARTS = ("secret", "password", "sessiontoken", "authparameters", "plaintext", "authorizedurl")
_SECRET_MEMBERS: Mapping[str, frozenset[str]] = {
    "sagemaker": frozenset(("Environment",)),
    "ssm": frozenset(("Value",)),
    "lambda": frozenset(("ZipFile", "Variables")),
    "sns": frozenset(("Token",)),
}
_HOSTS = {"cloudwatch": "monitoring", "stepfunctions": "states"}
_TITLES = {
    "sagemaker": "SageMaker", "iam": "IAM", "sts": "STS", "s3": "S3", "sqs": "SQS", "sns": "SNS", "ssm": "SSM",
    "lambda": "Lambda", "events": "Events", "scheduler": "Scheduler", "logs": "Logs", "cloudwatch": "CloudWatch",
    "organizations": "Organizations", "ecr": "ECR",
}  # fmt: skip
_SPECIAL_TYPES = {"RoleArn": "AWS::IAM::Role", "ExecutionRoleArn": "AWS::IAM::Role", "Bucket": "AWS::S3::Bucket"}
_NO_RESOURCE = frozenset(("RoleSessionName", "ClientName", "PolicyDocument"))
_MOST_CHARACTERS = 1024
_MOST_ITEMS = 50
_MOST_DEPTH = 8
_MOST_RESOURCES = 20
_MOST_RECORD = 60_000


@dataclass(frozen=True, slots=True)
class AuditedCall:
    """What is known of a call when it has been answered. `via` is the service that called on somebody's behalf."""

    service: str
    operation: str
    shapes: Any
    principal: Principal
    access_key_id: str
    region: str
    at: datetime
    request_id: str
    source_address: str
    user_agent: str
    parameters: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: ApiError | None
    via: str = ""


def is_management(service: str, operation: str) -> bool:
    """AWS records calls on resources, not the data that goes through them; of S3, those on buckets."""
    if service in _DATA_SERVICES or operation in _DATA.get(service, ()):
        return False
    if service != "s3":
        return True
    return any(part in operation for part in _BUCKET_PARTS) and operation != "HeadBucket"


def is_read(operation: str) -> bool:
    return operation.startswith(_READS)


def entry_of(call: AuditedCall) -> Entry:
    """The record, secrets removed and bounded in size."""
    read_only = is_read(call.operation)
    model = call.shapes
    given = clean(call.service, model.input_shape, call.parameters)
    error = None if call.error is None else localize(call.service, call.error)
    answered = None
    if not read_only and call.error is None and call.result:
        answered = clean(call.service, model.output_shape, call.result) or None
    resources = list(dict.fromkeys(_resources(call)))[:_MOST_RESOURCES]
    event_id = ids.request_id()
    record = {
        "eventVersion": "1.11",
        "userIdentity": _identity(call),
        "eventTime": call.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": _source(call.service),
        "eventName": call.operation,
        "awsRegion": call.region,
        "sourceIPAddress": call.via or call.source_address,
        "userAgent": call.via or call.user_agent[:_MOST_CHARACTERS],
        **({"errorCode": error.code, "errorMessage": error.message[:_MOST_CHARACTERS]} if error else {}),
        "requestParameters": given or None,
        "responseElements": answered,
        "requestID": call.request_id,
        "eventID": event_id,
        "readOnly": read_only,
        "resources": [_resource(call, kind, name) for kind, name in resources],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.principal.account,
        "eventCategory": "Management",
    }
    text = json.dumps(record, separators=(",", ":"))
    if len(text) > _MOST_RECORD:
        text = json.dumps({**record, "requestParameters": None, "responseElements": None, "resources": []})
    return Entry(
        event_id=event_id,
        account=call.principal.account,
        region=call.region,
        at=call.at,
        name=call.operation,
        source=_source(call.service),
        username=_username(call.principal),
        access_key_id=call.access_key_id,
        read_only=read_only,
        resource_types=tuple(kind for kind, _ in resources),
        resource_names=tuple(name for _, name in resources),
        event=text,
    )


def clean(service: str, shape: Any, value: Any, depth: int = 0) -> Any:
    """A copy that can be shown: secrets hidden, long texts and lists cut, payloads left out."""
    if isinstance(value, Mapping):
        if depth >= _MOST_DEPTH:
            return "..."
        return {
            _first_lower(name): clean_member(service, shape, name, member, depth)
            for name, member in list(value.items())[:_MOST_ITEMS]
            if member is not None and isinstance(member, _SHOWN)
        }
    if isinstance(value, (list, tuple)):
        inner = getattr(shape, "member", None)
        return [clean(service, inner, item, depth + 1) for item in value[:_MOST_ITEMS] if isinstance(item, _SHOWN)]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else value


def clean_member(service: str, shape: Any, name: str, value: Any, depth: int) -> Any:
    """One member of a structure or map; models mark most secrets, names tell the rest."""
    members = getattr(shape, "members", {})
    inner = members.get(name) if members else getattr(shape, "value", None)
    marked = inner is not None and inner.metadata.get("sensitive", False)
    lowered = name.lower()
    if marked or name in _SECRET_MEMBERS.get(service, ()) or any(part in lowered for part in _SECRET_PARTS):
        return HIDDEN
    return clean(service, inner, value, depth + 1)


_SHOWN = (str, int, float, bool, datetime, Mapping, list, tuple)


def _first_lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _source(service: str) -> str:
    return f"{_HOSTS.get(service, service)}.amazonaws.com"


def _identity(call: AuditedCall) -> dict[str, Any]:
    who = call.principal
    if who.kind == "service":
        return {"type": "AWSService", "invokedBy": who.arn}
    kinds = {
        "root": "Root",
        "user": "IAMUser",
        "assumed-role": "AssumedRole",
        "federated-user": "FederatedUser",
    }
    identity: dict[str, Any] = {
        "type": kinds.get(who.kind, "Unknown"),
        "principalId": who.user_id,
        "arn": who.arn,
        "accountId": who.account,
    }
    if call.access_key_id:
        identity["accessKeyId"] = call.access_key_id
    if who.kind == "user":
        identity["userName"] = _username(who)
    if who.role_arn:
        issuer = {
            "type": "Role" if who.kind == "assumed-role" else "IAMUser",
            "principalId": who.principal_id,
            "arn": who.role_arn,
            "accountId": who.account,
            "userName": who.role_arn.rpartition("/")[2],
        }
        identity["sessionContext"] = {"sessionIssuer": issuer}
    if call.via:
        identity["invokedBy"] = call.via
    return identity


def _username(who: Principal) -> str:
    """What LookupEvents calls the user: of a role's session its name."""
    if who.kind == "user":
        return who.arn.rpartition("/")[2]
    return who.session_name or ("root" if who.kind == "root" else who.arn)


def _resources(call: AuditedCall) -> Iterator[tuple[str, str]]:
    """Whatever the request or its answer names at the top, as (type, name)."""
    for document in (call.parameters, call.result if not is_read(call.operation) else None):
        for member, value in (document or {}).items():
            if isinstance(value, str) and value and "\n" not in value and (kind := _type(call.service, member)):
                yield kind, value[:_MOST_CHARACTERS]


def _type(service: str, member: str) -> str:
    if member in _SPECIAL_TYPES:
        return _SPECIAL_TYPES[member]
    bare = member.removesuffix("Arn").removesuffix("ARN").removesuffix("Name")
    if bare in ("", member) or member in _NO_RESOURCE:
        return ""
    return f"AWS::{_TITLES.get(service, service)}::{bare[:1].upper()}{bare[1:]}"


def _resource(call: AuditedCall, kind: str, name: str) -> dict[str, str]:
    shown = {"type": kind, "accountId": call.principal.account}
    return {**shown, "ARN": name} if name.startswith("arn:") else {**shown, "resourceName": name}
