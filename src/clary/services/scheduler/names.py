"""Names and ARNs of schedules and their groups, and the errors of EventBridge Scheduler."""

from __future__ import annotations

from typing import Any

from clary.base.arns import Arn
from clary.base.errors import ApiError
from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

SCHEDULE, GROUP = "schedule", "schedule-group"
DEFAULT = "default"


def not_found(text: str) -> ApiError:
    return ApiError(text, code="ResourceNotFoundException", status=404)


def conflict(text: str) -> ApiError:
    return ApiError(text, code="ConflictException", status=409)


def schedule_arn(context: Context, group: str, name: str) -> str:
    return str(Arn("scheduler", context.region, context.account, f"schedule/{group}/{name}"))


def group_arn(context: Context, name: str) -> str:
    return str(Arn("scheduler", context.region, context.account, f"schedule-group/{name}"))


def named_schedule(context: Context, request: dict[str, Any]) -> str:
    return schedule_arn(context, request.get("GroupName", DEFAULT), request["Name"])


def named_group(context: Context, request: dict[str, Any]) -> str:
    return group_arn(context, request["Name"])


def any_schedule(context: Context, _request: dict[str, Any]) -> str:
    return str(Arn("scheduler", context.region, context.account, "schedule/*/*"))


def any_group(context: Context, _request: dict[str, Any]) -> str:
    return str(Arn("scheduler", context.region, context.account, "schedule-group/*"))


def tagged(_context: Context, request: dict[str, Any]) -> str:
    return str(request["ResourceArn"])


def check_group(context: Context, tx: Transaction, name: str) -> None:
    """The default group always exists."""
    if name != DEFAULT and resources.find(tx, context.account, context.region, GROUP, name) is None:
        raise not_found(f"Schedule group {name} does not exist.")


def get_schedule(context: Context, tx: Transaction, request: dict[str, Any]) -> Resource:
    group = request.get("GroupName", DEFAULT)
    found = resources.find(tx, context.account, context.region, SCHEDULE, request["Name"], parent=group)
    if found is None or found.name != request["Name"]:
        raise not_found(f"Schedule {request['Name']} does not exist.")
    return found


def page(
    context: Context, request: dict[str, Any], operation: str, query: resources.Query, scope: str
) -> tuple[list[Resource], dict[str, str]]:
    """Rows of the query in the order of their names, and the members that lead to the next page."""
    size = query.limit - 1
    with context.database.read() as tx:
        rows = resources.page(tx, query)
    if len(rows) <= size:
        return rows, {}
    token = context.pager.encode(operation, scope, resources.position(rows[size - 1], "name"))
    return rows[:size], {"NextToken": token}
