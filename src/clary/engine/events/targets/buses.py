"""Other event buses: PutEvents with the same source, type, resources and id.

Options: EventBridgeParameters.Source and DetailType make an event of any text (schedules); Passage says which event
is passed on, and over how many buses it has come. Buses that pass it in a circle end with `TOO_MANY_HOPS`.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from clary.engine.events.targets.target import Tools, Undeliverable, actor_of, derived_token
from clary.events.envelope import derived_id
from clary.events.passage import MOST_HOPS, Passage
from clary.store.deliveries import Delivery


def send(tools: Tools, delivery: Delivery) -> None:
    document = delivery.document
    passage = _passage(delivery)
    if passage.hops > MOST_HOPS:
        raise Undeliverable("TOO_MANY_HOPS", f"Event {passage.event_id} was passed on by {MOST_HOPS} rules already.")
    entry = {
        "EventBusName": document["target"],
        "TraceHeader": passage.written(),
        **_entry(document["body"], document["options"]),
    }
    answer = tools.calls("events", "PutEvents", {"Entries": [entry]}, actor_of(delivery))
    refused = answer["Entries"][0]
    if "ErrorCode" in refused:
        raise Undeliverable(refused["ErrorCode"], refused["ErrorMessage"])


def _passage(delivery: Delivery) -> Passage:
    """One hop more; what is no event yet becomes the same one at every attempt."""
    known = delivery.document["options"].get("Passage")
    if known is None:
        return Passage(derived_id(derived_token(delivery)), 0)
    return Passage(known["EventId"], known["Hops"] + 1)


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
