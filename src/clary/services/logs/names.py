"""Finding groups and streams, their ARNs, and the errors when they are missing."""

from __future__ import annotations

from typing import Any

from clary.base.arns import parse_arn
from clary.base.errors import ApiError
from clary.services.context import Context
from clary.store import logs
from clary.store.database import Transaction
from clary.store.log_records import Group, Stream


def invalid_parameter(message: str) -> ApiError:
    return ApiError(message, code="InvalidParameterException", status=400)


def not_found(kind: str) -> ApiError:
    return ApiError(f"The specified log {kind} does not exist.", code="ResourceNotFoundException", status=400)


def already_exists(kind: str) -> ApiError:
    return ApiError(f"The specified log {kind} already exists", code="ResourceAlreadyExistsException", status=400)


def group_name(context: Context, request: dict[str, Any]) -> str:
    """The group's name, which newer operations also take as an identifier: a name or an ARN."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid_parameter("Exactly one of logGroupName and logGroupIdentifier must be specified.")
    if name is not None:
        return str(name)
    identifier = str(identifier)
    if not identifier.startswith("arn:"):
        return identifier
    parsed = parse_arn(identifier)
    if parsed.service != "logs" or not parsed.resource.startswith("log-group:"):
        raise invalid_parameter("The specified log group ARN is not valid.")
    if (parsed.account, parsed.region) != (context.account, context.region):
        raise not_found("group")
    return parsed.resource.removeprefix("log-group:").removesuffix(":*")


def get_group(context: Context, tx: Transaction, request: dict[str, Any]) -> Group:
    group = logs.find_group(tx, context.account, context.region, group_name(context, request))
    if group is None:
        raise not_found("group")
    return group


def get_stream(context: Context, tx: Transaction, request: dict[str, Any]) -> tuple[Group, Stream]:
    group = get_group(context, tx, request)
    stream = logs.find_stream(tx, group, request["logStreamName"])
    if stream is None:
        raise not_found("stream")
    return group, stream


def arn_of(group: Group) -> str:
    """Without the `:*` that the member `arn` of a description ends in."""
    return f"arn:aws:logs:{group.region}:{group.account}:log-group:{group.name}"


def stream_arn_of(group: Group, stream: Stream) -> str:
    return f"{arn_of(group)}:log-stream:{stream.name}"


def any_group_arn(context: Context, _request: dict[str, Any]) -> str:
    return f"arn:aws:logs:{context.region}:{context.account}:log-group:*"


def group_arn(context: Context, request: dict[str, Any]) -> str:
    return f"arn:aws:logs:{context.region}:{context.account}:log-group:{group_name(context, request)}:*"


def stream_arn(context: Context, request: dict[str, Any]) -> str:
    group = group_name(context, request)
    stream = request["logStreamName"]
    return f"arn:aws:logs:{context.region}:{context.account}:log-group:{group}:log-stream:{stream}"
