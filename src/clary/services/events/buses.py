"""Event buses and their policies. The default bus always exists; it has a row only once it has a policy."""

from __future__ import annotations

import json
import re
from typing import Any

from clary.access.documents import parse_resource_policy
from clary.base.errors import ApiError, NotServed, ValidationException
from clary.services.context import Context
from clary.services.events import names
from clary.services.events.tags import TAGGING
from clary.store import resources, tags
from clary.store.database import Transaction
from clary.store.resources import Resource

_UNSERVED = ("EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")
_LARGEST_POLICY = 10_240
_NAME = re.compile(r"[.\-_A-Za-z0-9]{1,256}")


def create_event_bus(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    for member in _UNSERVED:
        if request.get(member):
            raise NotServed(f"CreateEventBus with {member} is not served by this version of Clary.")
    name = request["Name"]
    if not _NAME.fullmatch(name):
        raise ValidationException("Event bus name must not contain '/'.")
    if name == names.DEFAULT:
        raise names.taken(f"Event bus {name} already exists.")
    with context.database.write() as tx:
        bus = _create(tx, context, name, {"description": request.get("Description")})
        TAGGING.put(tx, bus.arn, request.get("Tags"))
    return {"EventBusArn": bus.arn, "Description": request.get("Description")}


def describe_event_bus(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        name = names.check_bus(context, tx, names.bus_of(context, request.get("Name")))
        bus = resources.find(tx, context.account, context.region, names.BUS, name)
    return _summary(bus) if bus else {"Name": name, "Arn": names.arn(context, f"event-bus/{name}")}


def list_event_buses(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The default bus comes on the first page, whether it has a row or not."""
    prefix = request.get("NamePrefix")
    rows, more = names.page(context, request, "ListEventBuses", names.BUS, prefix=prefix)
    found = [_summary(row) for row in rows if row.name != names.DEFAULT]
    if not request.get("NextToken") and names.DEFAULT.startswith(prefix or ""):
        found.insert(0, describe_event_bus(context, {}))
    return {"EventBuses": found, **more}


def delete_event_bus(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if request["Name"] == names.DEFAULT:
        raise ValidationException("Cannot delete event bus default.")
    with context.database.write() as tx:
        bus = resources.find(tx, context.account, context.region, names.BUS, request["Name"])
        if bus is None:
            return {}
        rules = resources.Query(context.account, context.region, names.RULE, parent=bus.name, limit=1)
        if resources.page(tx, rules):
            raise ValidationException("Event bus can't be deleted since it has rules.")
        resources.remove(tx, bus)
        tags.drop_all(tx, bus.arn)
    return {}


def put_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The whole policy, or one statement for an account."""
    with context.database.write() as tx:
        bus = _with_row(tx, context, request)
        if request.get("Policy"):
            policy = parse_resource_policy(request["Policy"])
        else:
            policy = _policy(bus)
            statement = _statement(bus, request)
            others = [item for item in policy["Statement"] if item.get("Sid") != statement["Sid"]]
            policy = {**policy, "Statement": [*others, statement]}
        _save(tx, context, bus, policy)
    return {}


def remove_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        bus = _with_row(tx, context, request)
        policy = _policy(bus)
        left = [item for item in policy["Statement"] if item.get("Sid") != request.get("StatementId")]
        if request.get("RemoveAllPermissions"):
            left = []
        elif len(left) == len(policy["Statement"]):
            raise names.not_found(f"Statement with the provided id does not exist on event bus {bus.name}.")
        _save(tx, context, bus, {**policy, "Statement": left})
    return {}


def _create(tx: Transaction, context: Context, name: str, document: dict[str, Any]) -> Resource:
    try:
        return resources.create(
            tx,
            account=context.account,
            region=context.region,
            kind=names.BUS,
            name=name,
            arn=names.arn(context, f"event-bus/{name}"),
            document=document,
            now=context.now,
        )
    except resources.AlreadyExists:
        raise names.taken(f"Event bus {name} already exists.") from None


def _with_row(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource:
    name = names.check_bus(context, tx, names.bus_of(context, request.get("EventBusName")))
    found = resources.find(tx, context.account, context.region, names.BUS, name)
    return found or _create(tx, context, name, {})


def _policy(bus: Resource) -> dict[str, Any]:
    text = bus.document.get("policy")
    policy: dict[str, Any] = json.loads(text) if text else {"Version": "2012-10-17", "Statement": []}
    statements = policy["Statement"]
    return {**policy, "Statement": list(statements) if isinstance(statements, list) else [statements]}


def _statement(bus: Resource, request: dict[str, Any]) -> dict[str, Any]:
    missing = [name for name in ("Action", "Principal", "StatementId") if not request.get(name)]
    if missing:
        raise ValidationException(f"Parameter {missing[0]} must be specified.")
    who = request["Principal"]
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if who == "*" else {"AWS": f"arn:aws:iam::{who}:root"},
        "Action": request["Action"],
        "Resource": bus.arn,
    }
    if condition := request.get("Condition"):
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return statement


def _save(tx: Transaction, context: Context, bus: Resource, policy: dict[str, Any]) -> None:
    text = json.dumps(policy, separators=(",", ":"))
    if len(text) > _LARGEST_POLICY:
        message = f"The policy is longer than {_LARGEST_POLICY} characters."
        raise ApiError(message, code="PolicyLengthExceededException", status=400)
    changed = {**bus.document, "policy": text if policy["Statement"] else None}
    resources.save(tx, bus, document=changed, now=context.now)


def _summary(bus: Resource) -> dict[str, Any]:
    return {
        "Name": bus.name,
        "Arn": bus.arn,
        "Description": bus.document.get("description"),
        "Policy": bus.document.get("policy"),
        "CreationTime": bus.created_at,
        "LastModifiedTime": bus.updated_at,
    }
