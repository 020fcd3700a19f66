"""From a rule and an event to one delivery for each target of the rule."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from clary.base.arns import parse_arn
from clary.base.log import get_logger
from clary.events.envelope import iso_seconds
from clary.events.paths import InvalidPath, Missing, find
from clary.events.transformers import Origin, render
from clary.store import deliveries
from clary.store.database import Transaction
from clary.store.resources import Resource

log = get_logger(__name__)

SERVICE = "events.amazonaws.com"
_OPTIONS = ("SqsParameters", "HttpParameters")


def deliver_to_targets(tx: Transaction, rule: Resource, event: dict[str, Any], now: datetime, hops: int = 0) -> None:
    """Inputs are made now: later changes of the rule do not concern what has happened before.

    `hops` says how many rules have passed the event on before.
    """
    origin = Origin(rule.arn, rule.name, iso_seconds(now))
    for target in rule.document["targets"]:
        try:
            body, options = render(target, event, origin), _options(target, event, hops)
        except (LookupError, TypeError, ValueError, AttributeError):
            # Other targets, and other rules, have nothing to do with it.
            log.exception("no input can be made", extra={"rule": rule.arn, "target": target.get("Id")})
            continue
        retry = target.get("RetryPolicy") or {}
        deliveries.add(
            tx,
            account=rule.account,
            region=rule.region,
            target=target["Arn"],
            body=body,
            now=now,
            role=target.get("RoleArn"),
            service=_service(target["Arn"]),
            source=rule.arn,
            options=options,
            attempts=retry.get("MaximumRetryAttempts", 185),
            seconds=retry.get("MaximumEventAgeInSeconds", 86_400),
            dead_letter=(target.get("DeadLetterConfig") or {}).get("Arn"),
        )


def _service(arn: str) -> str | None:
    """Log groups have no policies: what PutTargets has checked is done in the name of the account."""
    return None if parse_arn(arn).service == "logs" else SERVICE


def _options(target: dict[str, Any], event: dict[str, Any], hops: int) -> dict[str, Any]:
    options = {name: _filled(target[name], event) for name in _OPTIONS if target.get(name)}
    if parse_arn(target["Arn"]).service == "events":
        options["Passage"] = {"EventId": event["id"], "Hops": hops}
    if pipeline := target.get("SageMakerPipelineParameters"):
        parameters = [
            {"Name": parameter["Name"], "Value": _value(parameter["Value"], event)}
            for parameter in pipeline.get("PipelineParameterList") or []
        ]
        options["SageMakerPipelineParameters"] = {"PipelineParameterList": parameters}
    return options


def _filled(value: Any, event: dict[str, Any]) -> Any:
    """Message groups, headers, parts of a URL: texts, in lists and objects."""
    if isinstance(value, dict):
        return {name: _filled(entry, event) for name, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, event) for entry in value]
    return _value(value, event) if isinstance(value, str) else value


def _value(text: str, event: dict[str, Any]) -> str:
    """A parameter of a target: `$.` begins a path into the event, anything else is the value."""
    if not text.startswith("$."):
        return text
    try:
        found = find(event, text)
    except (Missing, InvalidPath):
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    return json.dumps(found) if isinstance(found, dict | list) else str(found)
