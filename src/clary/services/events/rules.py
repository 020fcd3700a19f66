"""PutRule and what else is done with rules. A rule's targets are part of its document; see `targets`."""

from __future__ import annotations

from typing import Any

from clary.base.errors import NotServed, ValidationException
from clary.events.expressions import At, parse_expression, says_one_hours
from clary.events.patterns import compile_pattern
from clary.services.context import Context
from clary.services.events import names
from clary.services.events.roles import check_role
from clary.services.events.tags import TAGGING
from clary.store import resources, tags, work
from clary.store.database import Transaction
from clary.store.resources import Resource

_MOST = 300


def put_rule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Create or replace; targets and tags of an existing rule stay."""
    _check(request)
    bus = names.bus_of(context, request.get("EventBusName"))
    with context.database.write() as tx:
        bus_name = names.check_bus(context, tx, bus)
        if request.get("ScheduleExpression") and bus_name != names.DEFAULT:
            raise ValidationException("ScheduleExpression is supported only on the default event bus.")
        if request.get("RoleArn"):
            check_role(context, tx, request["RoleArn"])
        rule = _write(tx, context, request, bus_name, names.rule_arn(context, bus, request["Name"]))
        _schedule(tx, context, rule)
    return {"RuleArn": rule.arn}


def describe_rule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        rule = names.get_rule(tx, context, request, "Name")
    return {**summary(rule), "CreatedBy": rule.account}


def list_rules(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        bus = names.check_bus(context, tx, names.bus_of(context, request.get("EventBusName")))
    rows, more = names.page(context, request, "ListRules", names.RULE, parent=bus, prefix=request.get("NamePrefix"))
    return {"Rules": [summary(row) for row in rows], **more}


def delete_rule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Deleting what does not exist succeeds; a rule with targets is kept."""
    with context.database.write() as tx:
        bus = names.check_bus(context, tx, names.bus_of(context, request.get("EventBusName")))
        rule = resources.find(tx, context.account, context.region, names.RULE, request["Name"], parent=bus)
        if rule is None:
            return {}
        if rule.document["targets"]:
            raise ValidationException("Rule can't be deleted since it has targets.")
        resources.remove(tx, rule)
        tags.drop_all(tx, rule.arn)
    return {}


def enable_rule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _switch(context, request, "ENABLED")


def disable_rule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _switch(context, request, "DISABLED")


def summary(rule: Resource) -> dict[str, Any]:
    document = rule.document
    return {
        "Name": rule.name,
        "Arn": rule.arn,
        "EventPattern": document.get("pattern"),
        "ScheduleExpression": document.get("expression"),
        "State": document["state"],
        "Description": document.get("description"),
        "RoleArn": document.get("role"),
        "EventBusName": rule.parent,
    }


def _check(request: dict[str, Any]) -> None:
    if not request.get("EventPattern") and not request.get("ScheduleExpression"):
        raise ValidationException("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if request.get("State") == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS":
        raise NotServed(f"PutRule with State {request['State']} is not served by this version of Clary.")
    if request.get("EventPattern"):
        compile_pattern(request["EventPattern"])
    if request.get("ScheduleExpression"):
        try:
            expression = parse_expression(request["ScheduleExpression"])
        except ValueError:
            expression = None
        if expression is None or isinstance(expression, At) or says_one_hours(request["ScheduleExpression"]):
            raise ValidationException("Parameter ScheduleExpression is not valid.")


def _write(tx: Transaction, context: Context, request: dict[str, Any], bus: str, arn: str) -> Resource:
    document = {
        "pattern": request.get("EventPattern"),
        "expression": request.get("ScheduleExpression"),
        "state": request.get("State", "ENABLED"),
        "description": request.get("Description"),
        "role": request.get("RoleArn"),
        "targets": [],
        "next": None,
    }
    found = resources.find(tx, context.account, context.region, names.RULE, request["Name"], parent=bus)
    if found is not None:
        kept = {"targets": found.document["targets"]}
        if (found.document["expression"], found.document["state"]) == (document["expression"], document["state"]):
            kept["next"] = found.document["next"]
        return resources.save(tx, found, document={**document, **kept}, now=context.now)
    rules = resources.Query(context.account, context.region, names.RULE, parent=bus, limit=_MOST)
    if len(resources.page(tx, rules)) == _MOST:
        raise names.too_many(f"The requested resource exceeds the maximum number allowed: {_MOST} rules on a bus.")
    rule = resources.create(
        tx,
        account=context.account,
        region=context.region,
        kind=names.RULE,
        name=request["Name"],
        arn=arn,
        parent=bus,
        document=document,
        now=context.now,
    )
    TAGGING.put(tx, rule.arn, request.get("Tags"))
    return rule


def _switch(context: Context, request: dict[str, Any], state: str) -> dict[str, Any]:
    with context.database.write() as tx:
        rule = names.get_rule(tx, context, request, "Name")
        if rule.document["state"] != state:
            changed = {**rule.document, "state": state, "next": None}
            _schedule(tx, context, resources.save(tx, rule, document=changed, now=context.now))
    return {}


def _schedule(tx: Transaction, context: Context, rule: Resource) -> None:
    """The engine counts the time of rules that have an expression."""
    if rule.document["expression"] and rule.document["state"] == "ENABLED":
        work.enqueue(tx, rule, context.now)
