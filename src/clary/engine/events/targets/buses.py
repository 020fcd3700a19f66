"""Other event buses: PutEvents with the same source, type and resources.

Options: EventBridgeParameters.Source and DetailType make an event of any text (schedules).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from clary.engine.events.targets.target import Tools, Undeliverable, actor_of
from clary.store.deliveries import Delivery


def send(tools: Tools, delivery: Delivery) -> None:
    document = delivery.document
    entry = {"EventBusName": document["target"], **_entry(document["body"], document["options"])}
    answer = tools.calls("events", "PutEvents", {"Entries": [entry]}, actor_of(delivery))
    refused = answer["Entries"][0]
    if "ErrorCode" in refused:
        raise Undeliverable(refused["ErrorCode"], refused["ErrorMessage"])


def _entry(body: str, options: dict[str, Any]) -> dict[str, Any]:
    made = options.get("EventBridgeParameters")
    if made:
        return {"Source": made["Source"], "DetailType": made["DetailType"], "Detail": body}
    try:
        event = json.loads(body)
        return {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "Resources": event.get("resources") or [],
            "Time": datetime.fromisoformat(event["time"]),
        }
    except (ValueError, LookupError, TypeError):
        raise Undeliverable("MALFORMED_EVENT", "What the rule makes of the event is not an event.") from None
