"""Where deliveries go: one module per kind of target, found by the service of an ARN or the scheme of a URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clary.base.arns import parse_arn
from clary.base.errors import ValidationException
from clary.engine.events.targets import (
    api_destinations,
    buses,
    functions,
    log_groups,
    mail,
    own_operations,
    pipelines,
    queues,
    topics,
    urls,
)
from clary.engine.events.targets.target import Tools, Undeliverable
from clary.store.deliveries import Delivery

_BY_SCHEME: Mapping[str, Callable[[Tools, Delivery], None]] = {
    "http": urls.send,
    "https": urls.send,
    "mailto": mail.send,
}
_BY_ARN: Mapping[tuple[str, str], Callable[[Tools, Delivery], None]] = {
    ("sqs", ""): queues.send,
    ("sns", ""): topics.send,
    ("lambda", ""): functions.send,
    ("logs", ""): log_groups.send,
    ("scheduler", ""): own_operations.send,
    ("sagemaker", "pipeline"): pipelines.send,
    ("events", "event-bus"): buses.send,
    ("events", "api-destination"): api_destinations.send,
}


def send(tools: Tools, delivery: Delivery) -> None:
    """Hand the message to its target; Undeliverable or an ApiError when that fails."""
    target = delivery.document["target"]
    scheme = target.partition(":")[0].lower()
    sender = _BY_SCHEME.get(scheme) if scheme != "arn" else _sender_of(target)
    if sender is None:
        raise Undeliverable("UNSUPPORTED_TARGET", f"{target} is not a target that this version of Clary serves.")
    sender(tools, delivery)


def _sender_of(target: str) -> Callable[[Tools, Delivery], None] | None:
    try:
        arn = parse_arn(target)
    except ValidationException:
        return None
    found = _BY_ARN.get((arn.service, ""))
    return found or _BY_ARN.get((arn.service, arn.resource_type))
