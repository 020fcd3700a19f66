"""CreateSchedule and what else is done with schedules. The engine counts their time; see engine/events/schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from clary.base.arns import parse_arn
from clary.base.errors import NotServed, ValidationException
from clary.events.expressions import At, find_zone, parse_expression
from clary.services.context import Context
from clary.services.passed_roles import may_be_assumed
from clary.services.repeats import check_repeat, fingerprint, once
from clary.services.scheduler import names
from clary.store import resources, tags, work
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_SERVICE = "scheduler.amazonaws.com"
_UNSERVED = (
    "EcsParameters",
    "KinesisParameters",
    "EventBridgePutEventsV2Parameters",
    "EventBridgePutRawEventsParameters",
)
_SERVED = frozenset({"sqs", "sns", "lambda"})
_SERVED_BY_SDK = frozenset({"sagemaker", "sqs", "sns", "lambda", "eventbridge", "s3", "ssm", "cloudwatchlogs"})
_PAGE = 100


def create_schedule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The same ClientToken again gets the same answer again."""
    _check(context, request)
    group = request.get("GroupName", names.DEFAULT)
    with context.database.write() as tx:
        names.check_group(context, tx, group)
        _check_role(context, tx, request["Target"]["RoleArn"])
        found = resources.find(tx, context.account, context.region, names.SCHEDULE, request["Name"], parent=group)
        if found is not None:
            token = request.get("ClientToken")
            if token and token == found.document["token"] and found.name == request["Name"]:
                check_repeat(found.document.get("said"), fingerprint(request), token, names.conflict)
                return {"ScheduleArn": found.arn}
            raise names.conflict(f"Schedule {request['Name']} already exists.")
        row = resources.create(
            tx,
            account=context.account,
            region=context.region,
            kind=names.SCHEDULE,
            name=request["Name"],
            arn=names.schedule_arn(context, group, request["Name"]),
            parent=group,
            document=_document(context, request),
            status=request.get("State", "ENABLED"),
            now=context.now,
        )
        work.enqueue(tx, row, context.now)
    return {"ScheduleArn": row.arn}


def update_schedule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Replaces everything: what the request leaves out gets its default."""
    token = request.get("ClientToken")
    with context.database.write() as tx:
        return once(
            context, tx, "UpdateSchedule", token, request, lambda: _update(context, tx, request), names.conflict
        )


def _update(context: Context, tx: Transaction, request: dict[str, Any]) -> dict[str, Any]:
    _check(context, request)
    row = names.get_schedule(context, tx, request)
    _check_role(context, tx, request["Target"]["RoleArn"])
    document = {**_document(context, request), "token": row.document["token"], "said": row.document.get("said")}
    row = resources.save(tx, row, document=document, status=document["state"], now=context.now)
    work.enqueue(tx, row, context.now)
    return {"ScheduleArn": row.arn}


def get_schedule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        row = names.get_schedule(context, tx, request)
    document = row.document
    return {
        **_summary(row),
        "Target": document["target"],
        "ScheduleExpression": document["expression"],
        "ScheduleExpressionTimezone": document["zone"],
        "StartDate": document["start"],
        "EndDate": document["end"],
        "Description": document["description"],
        "FlexibleTimeWindow": document["window"],
        "ActionAfterCompletion": document["after"],
    }


def delete_schedule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    token = request.get("ClientToken")
    with context.database.write() as tx:
        return once(
            context, tx, "DeleteSchedule", token, request, lambda: _delete(context, tx, request), names.conflict
        )


def _delete(context: Context, tx: Transaction, request: dict[str, Any]) -> dict[str, Any]:
    row = names.get_schedule(context, tx, request)
    resources.remove(tx, row)
    tags.drop_all(tx, row.arn)
    return {}


def list_schedules(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """In the order of their names."""
    group, prefix, state = request.get("GroupName"), request.get("NamePrefix"), request.get("State")
    if group is not None:
        with context.database.read() as tx:
            names.check_group(context, tx, group)
    scope = f"{context.account}/{context.region}/{group}/{prefix}/{state}"
    token = request.get("NextToken")
    query = Query(
        context.account,
        context.region,
        names.SCHEDULE,
        parent=group,
        name_prefix=prefix,
        status=state,
        sort="name",
        limit=request.get("MaxResults", _PAGE) + 1,
        after=context.pager.decode("ListSchedules", scope, token) if token else None,
    )
    rows, more = names.page(context, request, "ListSchedules", query, scope)
    return {
        "Schedules": [{**_summary(row), "Target": {"Arn": row.document["target"]["Arn"]}} for row in rows],
        **more,
    }


def _summary(row: Resource) -> dict[str, Any]:
    return {
        "Arn": row.arn,
        "Name": row.name,
        "GroupName": row.parent,
        "State": row.document["state"],
        "CreationDate": row.created_at,
        "LastModificationDate": row.document["modified"],
    }


def _document(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {
        "expression": request["ScheduleExpression"],
        "zone": request.get("ScheduleExpressionTimezone", "UTC"),
        "start": _in_utc(request.get("StartDate")),
        "end": _in_utc(request.get("EndDate")),
        "description": request.get("Description"),
        "state": request.get("State", "ENABLED"),
        "target": request["Target"],
        "window": request["FlexibleTimeWindow"],
        "after": request.get("ActionAfterCompletion", "NONE"),
        "token": request.get("ClientToken"),
        "said": fingerprint(request),
        "modified": context.now,
        "next": None,
        "finished": False,
    }


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _check(context: Context, request: dict[str, Any]) -> None:
    try:
        expression = parse_expression(request["ScheduleExpression"])
    except ValueError:
        raise ValidationException(f"Invalid Schedule Expression {request['ScheduleExpression']}.") from None
    try:
        find_zone(request.get("ScheduleExpressionTimezone", "UTC"))
    except ValueError:
        raise ValidationException("Invalid ScheduleExpressionTimezone.") from None
    start, end = _in_utc(request.get("StartDate")), _in_utc(request.get("EndDate"))
    if start and end and end <= start:
        raise ValidationException("The EndDate must come after the StartDate.")
    if end and end <= context.now and not isinstance(expression, At):
        raise ValidationException("The EndDate you specify cannot be earlier than the current date.")
    window = request["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise ValidationException("MaximumWindowInMinutes goes with a FlexibleTimeWindow of Mode FLEXIBLE only.")
    if request.get("KmsKeyArn"):
        raise NotServed("CreateSchedule with KmsKeyArn is not served by this version of Clary.")
    _check_target(request["Target"])


def _check_target(target: dict[str, Any]) -> None:
    for member in _UNSERVED:
        if target.get(member):
            raise NotServed(f"Schedules with {member} are not served by this version of Clary.")
    arn = parse_arn(target["Arn"])
    parts = arn.resource.split(":")
    served = (
        arn.service in _SERVED
        or (arn.service, arn.resource_type) in {("sagemaker", "pipeline"), ("events", "event-bus")}
        or (arn.service == "scheduler" and len(parts) == 3 and parts[1].lower() in _SERVED_BY_SDK)
    )
    if not served:
        raise NotServed(f"Schedules with the target {target['Arn']} are not served by this version of Clary.")
    if arn.service == "events" and not target.get("EventBridgeParameters"):
        raise ValidationException("EventBridgeParameters must be specified for an event bus.")
    dead_letter = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letter and parse_arn(dead_letter).service != "sqs":
        raise ValidationException(f"The dead-letter target {dead_letter} is not an SQS queue.")


def _check_role(context: Context, tx: Transaction, role_arn: str) -> None:
    """Passing the role is allowed, and Scheduler is trusted by it."""
    if not may_be_assumed(context, tx, role_arn, _SERVICE):
        raise ValidationException(
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        )
