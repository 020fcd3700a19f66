"""AddTagsToResource, RemoveTagsFromResource and ListTagsForResource, for parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clary.base.errors import NotServed
from clary.services.context import Context
from clary.services.ssm import names
from clary.services.ssm.errors import ssm_error
from clary.store import parameters
from clary.store.database import Transaction
from clary.store.parameters import Parameter

_MOST = 50


def tagged_arn(context: Context, request: dict[str, Any]) -> str:
    return names.arn(context, _name(context, request))


def add_tags_to_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        parameter = _existing(tx, context, request)
        tags = {**parameter.document["Tags"], **checked_tags(request["Tags"])}
        if len(tags) > _MOST:
            raise ssm_error("TooManyTagsError", f"A parameter may have at most {_MOST} tags.")
        parameters.change(tx, parameter, {**parameter.document, "Tags": tags})
    return {}


def remove_tags_from_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        parameter = _existing(tx, context, request)
        tags = {key: value for key, value in parameter.document["Tags"].items() if key not in request["TagKeys"]}
        parameters.change(tx, parameter, {**parameter.document, "Tags": tags})
    return {}


def list_tags_for_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        tags = _existing(tx, context, request).document["Tags"]
    return {"TagList": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}


def checked_tags(given: Sequence[dict[str, str]]) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len(tags) > _MOST:
        raise ssm_error("TooManyTagsError", f"A parameter may have at most {_MOST} tags.")
    return tags


def _name(context: Context, request: dict[str, Any]) -> str:
    if request["ResourceType"] != "Parameter":
        raise NotServed(f"Tags of {request['ResourceType']} are not served by this version of Clary.")
    return names.select(context, request["ResourceId"]).name


def _existing(tx: Transaction, context: Context, request: dict[str, Any]) -> Parameter:
    found = parameters.find(tx, context.account, context.region, _name(context, request))
    if found is None:
        raise ssm_error("InvalidResourceId", f"The resource ID {request['ResourceId'][:200]} is not valid.")
    return found
