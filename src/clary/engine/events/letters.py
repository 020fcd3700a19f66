"""Dead letters: what was given up, on its way to the queue that was named for it.

A letter is a delivery of its own, with an age of its own, so a queue that is throttled, away or closed gets it when
it can take it again. Called by the deliverer. Its attributes are those that the service in question gives:
EventBridge names the rule and a code of its own, Scheduler the schedule and the code of the call, Lambda the request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clary.engine.events.targets.target import Undeliverable
from clary.store import deliveries
from clary.store.database import Transaction
from clary.store.deliveries import Delivery

_SECONDS = 4 * 86_400
"""As long as queues keep messages when nothing else is said."""
_RULE_CODES = (  # what is in the code of an error -> the code that EventBridge has for it
    ("AccessDenied", "NO_PERMISSIONS"),
    ("AuthorizationError", "NO_PERMISSIONS"),
    ("NotFound", "NO_RESOURCE"),
    ("DoesNotExist", "NO_RESOURCE"),
    ("NonExistent", "NO_RESOURCE"),
    ("Throttl", "THROTTLING"),
    ("TooManyRequests", "THROTTLING"),
    ("Limit", "RESOURCE_LIMIT_EXCEEDED"),
    ("Quota", "RESOURCE_LIMIT_EXCEEDED"),
    ("CONNECTION_FAILED", "CONNECTION_FAILURE"),
    ("INTERNAL_FAILURE", "INTERNAL_ERROR"),
    ("INVALID_INPUT", "INVALID_JSON"),
    ("Validation", "INVALID_PARAMETER"),
    ("Invalid", "INVALID_PARAMETER"),
    ("INVALID_", "INVALID_PARAMETER"),
    ("HTTP_", "ERROR_FROM_TARGET"),
    ("ServiceUnavailable", "ERROR_FROM_TARGET"),
)
_OTHER_RULE_CODE = "SDK_CLIENT_ERROR"
_LONGEST = 1000


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
        options=_options(delivery, error, now, fifo=queue.endswith(".fifo")),
        seconds=_SECONDS,
        letter=True,
    )


def _options(delivery: Delivery, error: Undeliverable, now: datetime, *, fifo: bool) -> dict[str, Any]:
    own = delivery.document["options"].get("LambdaParameters")
    reasons = _of_function(own, error) if own else _of_target(delivery, error, now)
    attributes = {
        name: {"DataType": "Number" if name == "ErrorCode" else "String", "StringValue": value}
        for name, value in reasons.items()
        if value
    }
    options: dict[str, Any] = {"MessageAttributes": attributes}
    if fifo:
        group = {"MessageGroupId": "dead-letters", "MessageDeduplicationId": f"delivery-{delivery.id}"}
        options["SqsParameters"] = group
    return options


def _of_function(parameters: Mapping[str, Any], error: Undeliverable) -> dict[str, str]:
    message = str(error)
    if error.answer is not None:
        message = _own_words(error.answer.get("Payload", b"")) or message
    return {
        "RequestID": parameters.get("RequestId", ""),
        "ErrorCode": "200" if error.answer is not None else "429" if not error.counted else "500",
        "ErrorMessage": message[:_LONGEST],
    }


def _own_words(payload: bytes) -> str:
    """What a function that failed says of it."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return ""
    return str(document.get("errorMessage") or "") if isinstance(document, dict) else ""


def _of_target(delivery: Delivery, error: Undeliverable, now: datetime) -> dict[str, str]:
    document = delivery.document
    reasons = {
        "TARGET_ARN": document["target"],
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": str(error)[:_LONGEST],
        "RETRY_ATTEMPTS": str(delivery.tries),
        "EXHAUSTED_RETRY_CONDITION": _exhausted(delivery, error, now),
    }
    kind = (document["source"].split(":") + 3 * [""])[2]
    if kind == "events":
        return {**reasons, "RULE_ARN": document["source"], "ERROR_CODE": _rule_code(error.code)}
    if kind == "scheduler":
        about = document["options"].get("Schedule") or {}
        return {**reasons, **about, "SCHEDULE_ARN": document["source"], "IS_PAYLOAD_TRUNCATED": "false"}
    return reasons


def _exhausted(delivery: Delivery, error: Undeliverable, now: datetime) -> str:
    """Which limit ended it; nothing where there was no use in trying again."""
    if not error.temporary:
        return ""
    over = (now - delivery.since).total_seconds() >= delivery.document["seconds"]
    return "MaximumEventAgeInSeconds" if over else "MaximumRetryAttempts"


def _rule_code(code: str) -> str:
    """Codes of Clary's own, which are in capitals, stay where EventBridge has none."""
    other = code if code.isupper() else _OTHER_RULE_CODE
    return next((known for part, known in _RULE_CODES if part in code), other)
