"""Tags of log groups: by ARN, and in the older way by name. Names of tags are told apart by case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clary.services.context import Context
from clary.services.logs import names
from clary.store import tags
from clary.store.database import Transaction
from clary.store.log_records import Group

_MOST = 50


def tag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        put_tags(tx, _by_arn(context, tx, request), request["tags"])
    return {}


def untag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        _drop(tx, _by_arn(context, tx, request), request["tagKeys"])
    return {}


def list_tags_for_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return {"tags": tags.read(tx, names.arn_of(_by_arn(context, tx, request)))}


def tag_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        put_tags(tx, names.get_group(context, tx, request), request["tags"])
    return {}


def untag_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        _drop(tx, names.get_group(context, tx, request), request["tags"])
    return {}


def list_tags_log_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return {"tags": tags.read(tx, names.arn_of(names.get_group(context, tx, request)))}


def put_tags(tx: Transaction, group: Group, given: Mapping[str, str]) -> None:
    """Also for what is created with tags."""
    if any(key.lower().startswith("aws:") for key in given):
        raise names.invalid_parameter("Tag keys that begin with aws: are reserved.")
    arn = names.arn_of(group)
    tags.put(tx, arn, dict(given))
    if tags.count(tx, arn) > _MOST:
        raise names.invalid_parameter(f"A log group may have at most {_MOST} tags.")


def tagged_arn(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table."""
    return names.group_arn(context, {"logGroupIdentifier": request["resourceArn"]})


def _by_arn(context: Context, tx: Transaction, request: dict[str, Any]) -> Group:
    if not request["resourceArn"].startswith("arn:"):
        raise names.invalid_parameter(f"{request['resourceArn'][:200]} is not an ARN.")
    return names.get_group(context, tx, {"logGroupIdentifier": request["resourceArn"]})


def _drop(tx: Transaction, group: Group, keys: Iterable[str]) -> None:
    tags.drop(tx, names.arn_of(group), list(keys))
