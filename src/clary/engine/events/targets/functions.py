"""Lambda functions. Rules, topics, buckets and schedules call them asynchronously: what they deliver becomes a call
of Lambda's own queue, with the function's own attempts, destinations and dead-letter queue.

A delivery with LambdaParameters is such a call itself: Invoke, waiting for the answer. LambdaParameters.ClientContext
goes with it, the rest is for the records of its destinations. A function that fails is called again twice; one that
has no process free waits for its turn, which costs no attempt.
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError
from clary.engine.events.invocation_records import add_success, has_destinations
from clary.engine.events.targets.target import Tools, Undeliverable, actor_of
from clary.store.deliveries import Delivery

_RETRIES_OF_FUNCTION_ERRORS = 2


def send(tools: Tools, delivery: Delivery) -> None:
    document = delivery.document
    parameters: dict[str, Any] = {"FunctionName": document["target"], "Payload": document["body"].encode()}
    own = document["options"].get("LambdaParameters")
    if own is None:
        tools.calls("lambda", "Invoke", {**parameters, "InvocationType": "Event"}, actor_of(delivery))
        return
    if own.get("ClientContext"):
        parameters["ClientContext"] = own["ClientContext"]
    try:
        answer = tools.calls(
            "lambda", "Invoke", {**parameters, "InvocationType": "RequestResponse"}, actor_of(delivery)
        )
    except ApiError as error:
        if error.code == "TooManyRequestsException":
            raise Undeliverable(error.code, error.message, temporary=True, counted=False) from error
        raise
    if answer.get("FunctionError"):
        text = f"The function ended with an error ({answer['FunctionError']})."
        raise Undeliverable("FUNCTION_ERROR", text, temporary=True, most=_RETRIES_OF_FUNCTION_ERRORS, answer=answer)
    if has_destinations(delivery):
        with tools.database.write() as tx:
            add_success(tx, delivery, answer, tools.clock.now())
