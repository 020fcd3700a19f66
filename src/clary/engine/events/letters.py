"""Dead letters: what was given up, on its way to the queue that was named for it.

A letter is a delivery of its own, with an age of its own, so a queue that is throttled, away or closed gets it when
it can take it again. Called by the deliverer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clary.engine.events.targets.target import Undeliverable
from clary.store import deliveries
from clary.store.database import Transaction
from clary.store.deliveries import Delivery

_SECONDS = 4 * 86_400
"""As long as queues keep messages when nothing else is said."""


def add_letter(tx: Transaction, delivery: Delivery, error: Undeliverable, now: datetime) -> None:
    """To be called where the delivery ends, in the same transaction."""
    document = delivery.document
    queue = document["dead_letter"]
    # A function that failed tells so in its own role; everything else is told by the service that delivers.
    role = (document["options"].get("LambdaParameters") or {}).get("Role")
    deliveries.add(
        tx,
        account=delivery.account,
        region=delivery.region,
        target=queue,
        body=document["body"],
        now=now,
        role=role or (None if document["service"] else document["role"]),
        service=document["service"],
        source=document["source"],
        options=_options(delivery, error, fifo=queue.endswith(".fifo")),
        seconds=_SECONDS,
        letter=True,
    )


def _options(delivery: Delivery, error: Undeliverable, *, fifo: bool) -> dict[str, Any]:
    reasons = {
        "RULE_ARN": delivery.document["source"],
        "TARGET_ARN": delivery.document["target"],
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": str(error)[:1000],
        "RETRY_ATTEMPTS": str(delivery.tries),
    }
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in reasons.items() if value}
    options: dict[str, Any] = {"MessageAttributes": attributes}
    if fifo:
        group = {"MessageGroupId": "dead-letters", "MessageDeduplicationId": f"delivery-{delivery.id}"}
        options["SqsParameters"] = group
    return options
