"""CreateLogGroup, DescribeLogGroups, DeleteLogGroup, PutRetentionPolicy, DeleteRetentionPolicy."""

from __future__ import annotations

from typing import Any

from clary.base.errors import NotServed
from clary.services.context import Context
from clary.services.logs import names
from clary.services.logs.tagging import put_tags
from clary.store import logs, tags
from clary.store.database import Transaction
from clary.store.log_records import Group

_CLASS = "STANDARD"
_DAYS = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)


def create_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if "kmsKeyId" in request:
        raise NotServed("CreateLogGroup with kmsKeyId is not served by this version of Clary.")
    if request.get("deletionProtectionEnabled"):
        raise NotServed("CreateLogGroup with deletionProtectionEnabled is not served by this version of Clary.")
    if request.get("logGroupClass", _CLASS) != _CLASS:
        raise NotServed(
            f"CreateLogGroup with logGroupClass {request['logGroupClass']} is not served by this version."
        )
    name = request["logGroupName"]
    with context.database.write() as tx:
        if logs.find_group(tx, context.account, context.region, name) is not None:
            raise names.already_exists("group")
        group = logs.create_group(tx, context.account, context.region, name, context.now)
        put_tags(tx, group, request.get("tags") or {})
    return {}


def describe_log_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Groups by name. There is a token only when there are more."""
    prefix, pattern = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
    if prefix and pattern:
        raise names.invalid_parameter("logGroupNamePrefix and logGroupNamePattern are mutually exclusive.")
    if request.get("includeLinkedAccounts") or set(request.get("accountIdentifiers") or []) - {context.account}:
        raise NotServed("DescribeLogGroups of linked accounts is not served by this version of Clary.")
    if request.get("logGroupClass", _CLASS) != _CLASS:
        return {"logGroups": []}
    if request.get("logGroupIdentifiers"):
        if prefix or pattern:
            raise names.invalid_parameter("logGroupIdentifiers excludes a prefix and a pattern.")
        return _identified(context, request["logGroupIdentifiers"])
    size, scope = request.get("limit", 50), f"{context.account}/{context.region}/{prefix}/{pattern}"
    token = request.get("nextToken")
    after = context.pager.decode("DescribeLogGroups", scope, token)[0] if token else ""
    with context.database.read() as tx:
        found = logs.page_groups(
            tx, context.account, context.region, prefix=prefix, contains=pattern, after=after, limit=size + 1
        )
        page: dict[str, Any] = {"logGroups": [_described(tx, group) for group in found[:size]]}
    if len(found) > size:
        page["nextToken"] = context.pager.encode("DescribeLogGroups", scope, [found[size - 1].name])
    return page


def _identified(context: Context, identifiers: list[str]) -> dict[str, Any]:
    """Those of the names and ARNs that there are, by name."""
    wanted = {names.group_name(context, {"logGroupIdentifier": each}) for each in identifiers}
    with context.database.read() as tx:
        found = [logs.find_group(tx, context.account, context.region, name) for name in sorted(wanted)]
        return {"logGroups": [_described(tx, group) for group in found if group is not None]}


def delete_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        group = names.get_group(context, tx, request)
        logs.delete_group(tx, group)
        tags.drop_all(tx, names.arn_of(group))
    return {}


def put_retention_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    days = request["retentionInDays"]
    if days not in _DAYS:
        allowed = ", ".join(str(number) for number in sorted(_DAYS))
        raise names.invalid_parameter(f"retentionInDays must be one of {allowed}.")
    with context.database.write() as tx:
        logs.set_retention(tx, names.get_group(context, tx, request), days)
    return {}


def delete_retention_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        logs.set_retention(tx, names.get_group(context, tx, request), None)
    return {}


def _described(tx: Transaction, group: Group) -> dict[str, Any]:
    described: dict[str, Any] = {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": f"{names.arn_of(group)}:*",
        "logGroupArn": names.arn_of(group),
        "logGroupClass": _CLASS,
        "storedBytes": logs.stored_bytes(tx, group),
    }
    if group.retention_days is not None:
        described["retentionInDays"] = group.retention_days
    return described
