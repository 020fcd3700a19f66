"""PutTargets and what else is done with the targets of a rule. What cannot be used is answered entry by entry."""

from __future__ import annotations

import re
from typing import Any

from clary.base.arns import parse_arn
from clary.base.errors import AccessDenied, ApiError, NotServed, ValidationException
from clary.events.paths import InvalidPath, parse_path
from clary.events.transformers import check_input
from clary.services.context import Context
from clary.services.events import names
from clary.services.events.roles import check_role
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_MOST = 5
_PAGE = 100
_UNSERVED = (
    "KinesisParameters",
    "RunCommandParameters",
    "EcsParameters",
    "BatchParameters",
    "RedshiftDataParameters",
    "AppSyncParameters",
)
_ID = re.compile(r"[.\-_A-Za-z0-9]{1,64}")


def put_targets(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    failed: list[dict[str, str]] = []
    with context.database.write() as tx:
        rule = names.get_rule(tx, context, request)
        targets = {target["Id"]: target for target in rule.document["targets"]}
        for target in request["Targets"]:
            try:
                _check(tx, context, rule, target)
                if target["Id"] not in targets and len(targets) == _MOST:
                    raise names.too_many(f"The requested resource exceeds the maximum number allowed: {_MOST}.")
                targets[target["Id"]] = target
            except AccessDenied:
                raise
            except ApiError as error:
                failed.append(_failure(target["Id"], error))
        if list(targets.values()) != rule.document["targets"]:
            changed = {**rule.document, "targets": list(targets.values())}
            resources.save(tx, rule, document=changed, now=context.now)
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def remove_targets(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Ids that the rule does not have are removed already."""
    with context.database.write() as tx:
        rule = names.get_rule(tx, context, request)
        left = [target for target in rule.document["targets"] if target["Id"] not in request["Ids"]]
        if left != rule.document["targets"]:
            resources.save(tx, rule, document={**rule.document, "targets": left}, now=context.now)
    return {"FailedEntryCount": 0, "FailedEntries": []}


def list_targets_by_rule(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        rule = names.get_rule(tx, context, request)
    targets = sorted(rule.document["targets"], key=lambda target: str(target["Id"]))
    if token := request.get("NextToken"):
        (last,) = context.pager.decode("ListTargetsByRule", rule.arn, token)
        targets = [target for target in targets if target["Id"] > last]
    size = request.get("Limit", _PAGE)
    answer: dict[str, Any] = {"Targets": targets[:size]}
    if len(targets) > size:
        answer["NextToken"] = context.pager.encode("ListTargetsByRule", rule.arn, [targets[size - 1]["Id"]])
    return answer


def list_rule_names_by_target(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wanted = request["TargetArn"]
    with context.database.read() as tx:
        bus = names.check_bus(context, tx, names.bus_of(context, request.get("EventBusName")))
        rules = resources.Query(context.account, context.region, names.RULE, parent=bus, sort="name", limit=10_000)
        found = [
            rule.name
            for rule in resources.page(tx, rules)
            if any(target["Arn"] == wanted for target in rule.document["targets"])
        ]
    scope = f"{context.account}/{context.region}/{bus}/{wanted}"
    if token := request.get("NextToken"):
        (last,) = context.pager.decode("ListRuleNamesByTarget", scope, token)
        found = [name for name in found if name.lower() > last]
    size = request.get("Limit", _PAGE)
    answer: dict[str, Any] = {"RuleNames": found[:size]}
    if len(found) > size:
        answer["NextToken"] = context.pager.encode("ListRuleNamesByTarget", scope, [found[size - 1].lower()])
    return answer


def _failure(target_id: str, error: ApiError) -> dict[str, str]:
    return {"TargetId": target_id, "ErrorCode": error.code, "ErrorMessage": error.message}


def _check(tx: Transaction, context: Context, rule: Resource, target: dict[str, Any]) -> None:
    if not _ID.fullmatch(target["Id"]):
        raise ValidationException(f"Value '{target['Id'][:64]}' at 'targets.member.id' is not valid.")
    for member in _UNSERVED:
        if target.get(member):
            raise NotServed(f"PutTargets with {member} is not served by this version of Clary.")
    try:
        check_input(target)
        for parameter in (target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList") or []:
            if parameter["Value"].startswith("$."):
                parse_path(parameter["Value"])
    except (InvalidPath, ValueError) as error:
        raise ValidationException(str(error)) from None
    _check_arn(context, rule, target)
    if target.get("RoleArn"):
        check_role(context, tx, target["RoleArn"])
    dead_letter = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letter and parse_arn(dead_letter).service != "sqs":
        raise ValidationException(f"The dead-letter target {dead_letter} is not an SQS queue.")


def _check_arn(context: Context, rule: Resource, target: dict[str, Any]) -> None:
    arn = parse_arn(target["Arn"])
    kind = (arn.service, arn.resource_type)
    if arn.service in {"sqs", "sns"}:
        return
    if arn.service == "lambda" and arn.resource.startswith("function:"):
        return
    if arn.service == "logs" and arn.resource.startswith("log-group:"):
        # Log groups have no policies here: whoever makes the rule must be allowed to write there.
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            context.authorize(action, f"{target['Arn'].removesuffix(':*')}:*")
        return
    if kind in {("sagemaker", "pipeline"), ("events", "api-destination")}:
        if not target.get("RoleArn"):
            raise ValidationException(f"RoleArn is required for target {target['Arn']}.")
        return
    if kind == ("events", "event-bus"):
        if names.bus_name(arn) == rule.parent and (arn.account, arn.region) == (rule.account, rule.region):
            raise ValidationException("The target event bus is the bus of the rule itself.")
        return
    raise NotServed(f"PutTargets with the target {target['Arn']} is not served by this version of Clary.")
