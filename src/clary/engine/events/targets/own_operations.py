"""Universal targets of schedules: `arn:aws:scheduler:::aws-sdk:<service>:<operation>`, for what Clary serves.

The body is the request as JSON. Times and bytes cannot be given in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from clary.base.arns import parse_arn
from clary.engine.events.targets.target import Tools, Undeliverable, actor_of
from clary.store.deliveries import Delivery

_SERVICES: Mapping[str, str] = {"eventbridge": "events", "cloudwatchlogs": "logs"}


def send(tools: Tools, delivery: Delivery) -> None:
    parts = parse_arn(delivery.document["target"]).resource.split(":")
    if len(parts) != 3 or parts[0] != "aws-sdk":
        raise Undeliverable("INVALID_TARGET", f"{delivery.document['target']} is not a universal target.")
    service = _SERVICES.get(parts[1].lower(), parts[1].lower())
    operation = parts[2][:1].upper() + parts[2][1:]
    try:
        parameters = json.loads(delivery.document["body"] or "{}")
    except (ValueError, RecursionError):
        raise Undeliverable("INVALID_INPUT", "The input is not valid JSON.") from None
    if not isinstance(parameters, dict):
        raise Undeliverable("INVALID_INPUT", "The input is not a JSON object.")
    tools.calls(service, operation, parameters, actor_of(delivery))
