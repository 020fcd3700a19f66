"""How asynchronous calls are repeated and where they end: PutFunctionEventInvokeConfig and its siblings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clary.base.arns import parse_arn
from clary.base.clock import from_epoch_ms
from clary.base.errors import NotServed
from clary.services.context import Context
from clary.services.lambda_functions import names
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_ATTEMPTS = 2
_SECONDS = 21_600
_RESULTS = ("OnSuccess", "OnFailure")
_SERVED = frozenset({"sqs", "sns", "lambda", "events"})


@dataclass(frozen=True, slots=True)
class EventSettings:
    """`attempts` after the first; `seconds` is the greatest age; `dead_letter` the ARN of a queue that gets the event
    itself; `destinations` (OnSuccess, OnFailure) are ARNs that get a record of what came of it."""

    attempts: int
    seconds: int
    dead_letter: str | None
    destinations: dict[str, str]


def event_settings(function: Resource, qualifier: str) -> EventSettings:
    config = function.document.get("event_invoke", {}).get(qualifier, {})
    destinations = config.get("DestinationConfig", {})
    queue = function.document["configuration"].get("DeadLetterConfig", {}).get("TargetArn")
    return EventSettings(
        config.get("MaximumRetryAttempts", _ATTEMPTS),
        config.get("MaximumEventAgeInSeconds", _SECONDS),
        queue or None,
        {
            name: destinations[name]["Destination"]
            for name in _RESULTS
            if destinations.get(name, {}).get("Destination")
        },
    )


def put_event_invoke_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check_destinations(request)
    who = names.named(context, request)
    config: dict[str, Any] = {
        name: request[name]
        for name in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
        if name in request
    }
    config["modified"] = int(context.now.timestamp() * 1000)
    with context.database.write() as tx:
        function = _checked(tx, who)
        _save(tx, context, function, {**function.document.get("event_invoke", {}), who.qualifier: config})
    return _shown(function, who, config)


def get_event_invoke_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    who = names.named(context, request)
    with context.database.read() as tx:
        function = _checked(tx, who)
    return _shown(function, who, _existing(function, who))


def delete_event_invoke_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    who = names.named(context, request)
    with context.database.write() as tx:
        function = _checked(tx, who)
        _existing(function, who)
        configs = function.document["event_invoke"]
        _save(tx, context, function, {key: value for key, value in configs.items() if key != who.qualifier})
    return {}


def _checked(tx: Transaction, who: names.Named) -> Resource:
    function = names.get(tx, who)
    names.get_version(tx, function, who)
    return function


def _existing(function: Resource, who: names.Named) -> dict[str, Any]:
    config: dict[str, Any] | None = function.document.get("event_invoke", {}).get(who.qualifier)
    if config is None:
        raise names.not_found(f"The function {who.qualified_arn} doesn't have an EventInvokeConfig")
    return config


def _save(tx: Transaction, context: Context, function: Resource, configs: dict[str, Any]) -> None:
    resources.save(tx, function, document={**function.document, "event_invoke": configs}, now=context.now)


def _shown(function: Resource, who: names.Named, config: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in config.items() if name != "modified"}
    arn = f"{function.arn}:{who.qualifier or '$LATEST'}"
    return {**shown, "FunctionArn": arn, "LastModified": from_epoch_ms(config["modified"])}


def _check_destinations(request: dict[str, Any]) -> None:
    """Queues and topics that keep an order cannot be destinations, on AWS neither."""
    destinations = request.get("DestinationConfig", {})
    for name in _RESULTS:
        arn = destinations.get(name, {}).get("Destination", "")
        if not arn:
            continue
        if parse_arn(arn).service not in _SERVED:
            raise NotServed(f"A destination {name} that is no queue, topic, function or event bus is not served.")
        if arn.endswith(".fifo"):
            raise names.invalid(f"The destination {arn} is of type FIFO, which is not supported.")
