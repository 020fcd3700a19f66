"""Destinations of asynchronous calls of functions: what came of a call, as a record in Lambda's own form.

A record is a delivery of its own, made in the function's role, for a queue, a topic, a function or an event bus. For
success called by targets/functions, for failure by the deliverer where the call is given up. A crash between a call
and the end of its delivery repeats the call, and with it the record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clary.base.arns import parse_arn
from clary.events.envelope import iso_millis
from clary.store import deliveries
from clary.store.database import Transaction
from clary.store.deliveries import Delivery

_SECONDS = 6 * 3600


def add_success(tx: Transaction, delivery: Delivery, answer: Mapping[str, Any], now: datetime) -> None:
    """Nothing happens when the call has no destination for this."""
    _add(tx, delivery, "OnSuccess", "Success", answer, now)


def add_failure(tx: Transaction, delivery: Delivery, answer: Mapping[str, Any] | None, now: datetime) -> None:
    """`answer` is the function's own, None when the last try did not reach it."""
    over = (now - delivery.since).total_seconds() >= delivery.document["seconds"]
    _add(tx, delivery, "OnFailure", "EventAgeExceeded" if over else "RetriesExhausted", answer, now)


def has_destinations(delivery: Delivery) -> bool:
    parameters = delivery.document["options"].get("LambdaParameters") or {}
    return bool(parameters.get("OnSuccess") or parameters.get("OnFailure"))


def _add(
    tx: Transaction,
    delivery: Delivery,
    member: str,
    condition: str,
    answer: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    parameters = delivery.document["options"].get("LambdaParameters") or {}
    target = parameters.get(member)
    if not target:
        return
    result = "Success" if member == "OnSuccess" else "Failure"
    bus = {"Source": "lambda", "DetailType": f"Lambda Function Invocation Result - {result}"}
    deliveries.add(
        tx,
        account=delivery.account,
        region=delivery.region,
        target=target,
        body=json.dumps(_record(delivery, condition, answer, now)),
        now=now,
        role=parameters["Role"],
        service=delivery.document["service"],
        source=delivery.document["source"],
        options={"EventBridgeParameters": bus} if parse_arn(target).service == "events" else {},
        seconds=_SECONDS,
    )


def _record(delivery: Delivery, condition: str, answer: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    parameters = delivery.document["options"]["LambdaParameters"]
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": iso_millis(now),
        "requestContext": {
            "requestId": parameters["RequestId"],
            "functionArn": _qualified(delivery.document["target"]),
            "condition": condition,
            "approximateInvokeCount": delivery.tries + 1,
        },
        "requestPayload": json.loads(delivery.document["body"]),
    }
    if answer is None:
        return record
    context = {"statusCode": 200, "executedVersion": answer.get("ExecutedVersion", "$LATEST")}
    if answer.get("FunctionError"):
        context["functionError"] = answer["FunctionError"]
    return {**record, "responseContext": context, "responsePayload": _payload(answer.get("Payload", b""))}


def _qualified(arn: str) -> str:
    return arn if arn.count(":") > 6 else f"{arn}:$LATEST"


def _payload(payload: bytes) -> Any:
    """What the function has answered; some say nothing, or what is no JSON."""
    text = payload.decode(errors="replace")
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text
