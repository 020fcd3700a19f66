"""Lambda functions: Invoke, waiting for the answer, because this queue is the asynchronous part already.

Options: LambdaParameters.ClientContext, and what the records for its destinations need. A function that fails is
called again twice, as Lambda does.
"""

from __future__ import annotations

from typing import Any

from clary.engine.events.invocation_records import add_success, has_destinations
from clary.engine.events.targets.target import Tools, Undeliverable, actor_of
from clary.store.deliveries import Delivery

_RETRIES_OF_FUNCTION_ERRORS = 2


def send(tools: Tools, delivery: Delivery) -> None:
    document = delivery.document
    parameters: dict[str, Any] = {
        "FunctionName": document["target"],
        "InvocationType": "RequestResponse",
        "Payload": document["body"].encode(),
    }
    context = (document["options"].get("LambdaParameters") or {}).get("ClientContext")
    if context:
        parameters["ClientContext"] = context
    answer = tools.calls("lambda", "Invoke", parameters, actor_of(delivery))
    if answer.get("FunctionError"):
        text = f"The function ended with an error ({answer['FunctionError']})."
        raise Undeliverable("FUNCTION_ERROR", text, temporary=True, most=_RETRIES_OF_FUNCTION_ERRORS, answer=answer)
    if has_destinations(delivery):
        with tools.database.write() as tx:
            add_success(tx, delivery, answer, tools.clock.now())
