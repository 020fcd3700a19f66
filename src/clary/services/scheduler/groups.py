"""Schedule groups and their tags. The default group always exists and cannot be deleted."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError, ValidationException
from clary.services.context import Context
from clary.services.repeats import check_repeat, fingerprint, once
from clary.services.scheduler import names
from clary.services.tagging import MOST, Tagging
from clary.store import resources, tags
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_PAGE = 100
_BATCH = 500


def create_schedule_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["Name"]
    if name == names.DEFAULT:
        raise names.conflict(f"Schedule group {name} already exists.")
    with context.database.write() as tx:
        found = resources.find(tx, context.account, context.region, names.GROUP, name)
        if found is not None:
            token = request.get("ClientToken")
            if token and token == found.document["token"]:
                check_repeat(found.document.get("said"), fingerprint(request), token, names.conflict)
                return {"ScheduleGroupArn": found.arn}
            raise names.conflict(f"Schedule group {name} already exists.")
        row = resources.create(
            tx,
            account=context.account,
            region=context.region,
            kind=names.GROUP,
            name=name,
            arn=names.group_arn(context, name),
            document={"token": request.get("ClientToken"), "said": fingerprint(request)},
            now=context.now,
        )
        TAGGING.put(tx, row.arn, request.get("Tags"))
    return {"ScheduleGroupArn": row.arn}


def get_schedule_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        names.check_group(context, tx, request["Name"])
        row = resources.find(tx, context.account, context.region, names.GROUP, request["Name"])
    return _summary(row) if row else _default(context)


def delete_schedule_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The schedules of the group go with it."""
    if request["Name"] == names.DEFAULT:
        raise ValidationException("The default schedule group cannot be deleted.")
    name, token = request["Name"], request.get("ClientToken")
    with context.database.write() as tx:
        return once(
            context, tx, "DeleteScheduleGroup", token, request, lambda: _delete(context, tx, name), names.conflict
        )


def _delete(context: Context, tx: Transaction, name: str) -> dict[str, Any]:
    names.check_group(context, tx, name)
    row = resources.find(tx, context.account, context.region, names.GROUP, name)
    query = Query(context.account, context.region, names.SCHEDULE, parent=name, limit=_BATCH)
    while schedules := resources.page(tx, query):
        for schedule in schedules:
            resources.remove(tx, schedule)
    if row is not None:
        resources.remove(tx, row)
        tags.drop_all(tx, row.arn)
    return {}


def list_schedule_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    prefix, token = request.get("NamePrefix"), request.get("NextToken")
    scope = f"{context.account}/{context.region}/{prefix}"
    query = Query(
        context.account,
        context.region,
        names.GROUP,
        name_prefix=prefix,
        sort="name",
        limit=request.get("MaxResults", _PAGE) + 1,
        after=context.pager.decode("ListScheduleGroups", scope, token) if token else None,
    )
    rows, more = names.page(context, request, "ListScheduleGroups", query, scope)
    found = [_summary(row) for row in rows]
    if not token and names.DEFAULT.startswith(prefix or ""):
        found.insert(0, _default(context))
    return {"ScheduleGroups": found, **more}


def _summary(row: Resource) -> dict[str, Any]:
    return {
        "Arn": row.arn,
        "Name": row.name,
        "State": "ACTIVE",
        "CreationDate": row.created_at,
        "LastModificationDate": row.updated_at,
    }


def _default(context: Context) -> dict[str, Any]:
    return {"Arn": names.group_arn(context, names.DEFAULT), "Name": names.DEFAULT, "State": "ACTIVE"}


def _existing(context: Context, tx: Transaction, arn: str) -> str:
    """Groups have tags; schedules have none, as at AWS."""
    if arn == names.group_arn(context, names.DEFAULT):
        return arn
    found = resources.find_by_arn(tx, arn)
    if found is None or found.kind != names.GROUP or found.account != context.account:
        raise names.not_found(f"Resource {arn} does not exist.")
    return found.arn


def _too_many() -> ApiError:
    message = f"A resource may have at most {MOST} tags."
    return ApiError(message, code="ServiceQuotaExceededException", status=402)


TAGGING = Tagging("ResourceArn", _existing, _too_many)
