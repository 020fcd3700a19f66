"""Invoke: wait for the answer (RequestResponse), queue the call (Event), or only check (DryRun)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.lambda_functions import names
from clary.services.lambda_functions.aliases import route
from clary.services.lambda_functions.event_config import event_settings
from clary.services.lambda_functions.roles import SERVICE
from clary.store import deliveries
from clary.store.blobs import Incoming
from clary.store.database import Transaction
from clary.store.functions import LATEST, CodeReplaced, FunctionCall
from clary.store.resources import Resource

_LARGEST_SYNCHRONOUS = 6 * 1024 * 1024
_LARGEST_ASYNCHRONOUS = 1024 * 1024
_LONGEST_CONTEXT = 3583
_ATTEMPTS = 5


def invoke(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names.refuse_unserved("Invoke", request, "DurableExecutionName", "TenantId")
    kind = request.get("InvocationType", "RequestResponse")
    payload = _payload(request, _LARGEST_ASYNCHRONOUS if kind == "Event" else _LARGEST_SYNCHRONOUS)
    client_context = request.get("ClientContext", "")
    _check_client_context(client_context)
    if kind == "DryRun":
        _call(context, request, payload)
        return {"StatusCode": 204}
    if kind == "Event":
        return _queue(context, request, payload)
    return _run(context, request, payload)


def _run(context: Context, request: dict[str, Any], payload: bytes) -> dict[str, Any]:
    for _ in range(_ATTEMPTS):
        call = _call(context, request, payload)
        try:
            outcome = context.functions.invoke(call)
        except CodeReplaced:
            continue  # look again: there is newer code
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "ExecutedVersion": call.version,
            "Payload": outcome.payload,
        }
        if outcome.failed:
            answer["FunctionError"] = "Unhandled"
        if request.get("LogType") == "Tail":
            answer["LogResult"] = base64.b64encode(outcome.log).decode()
        return answer
    raise CodeReplaced("The function's code is being replaced all the time.")


def _queue(context: Context, request: dict[str, Any], payload: bytes) -> dict[str, Any]:
    """Delivered by the engine, in Lambda's own name, as a call that waits."""
    who = names.named(context, request)
    with context.database.write() as tx:
        function = names.get(tx, who)
        names.get_version(tx, function, who)
        settings = event_settings(function, who.qualifier)
        deliveries.add(
            tx,
            account=function.account,
            region=function.region,
            target=who.qualified_arn,
            body=payload.decode(),
            now=context.now,
            service=SERVICE,
            source=function.arn,
            options={
                "LambdaParameters": {
                    "ClientContext": request.get("ClientContext", ""),
                    "RequestId": context.request_id,
                    "Role": function.document["configuration"]["Role"],
                    **settings.destinations,
                }
            },
            attempts=settings.attempts,
            seconds=settings.seconds,
            dead_letter=settings.dead_letter,
        )
    return {"StatusCode": 202, "Payload": b""}


def _call(context: Context, request: dict[str, Any], payload: bytes) -> FunctionCall:
    who = names.named(context, request)
    with context.database.read() as tx:
        function = names.get(tx, who)
        holder, version = _routed(tx, function, who, context.request_id)
    return FunctionCall(
        function=function,
        version=version,
        document=holder.document,
        arn=who.qualified_arn,
        request_id=context.request_id,
        payload=payload,
        client_context=request.get("ClientContext", ""),
    )


def _routed(tx: Transaction, function: Resource, who: names.Named, request_id: str) -> tuple[Resource, str]:
    if who.qualifier not in {"", LATEST} and not names.is_number(who.qualifier):
        alias = names.get_alias(tx, function, who.qualifier)
        if alias is not None:
            return names.get_version(tx, function, replace(who, qualifier=route(alias, request_id)))
    return names.get_version(tx, function, who)


def _payload(request: dict[str, Any], largest: int) -> bytes:
    """A streamed body is in a file, one of Clary's own calls is bytes. No body at all is an empty object."""
    given = request.get("Payload", b"")
    size = given.size if isinstance(given, Incoming) else len(given)
    if size > largest:
        raise ApiError(
            f"{size} byte payload is too large; the request must be smaller than {largest} bytes for the "
            "InvokeFunction operation",
            code="RequestTooLargeException",
            status=413,
            Type="User",
        )
    payload: bytes = given.path.read_bytes() if isinstance(given, Incoming) else bytes(given)
    if not payload:
        return b"{}"
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _malformed(f"Could not parse request body into json: {error}") from error
    return payload


def _check_client_context(text: str) -> None:
    if not text:
        return
    try:
        json.loads(base64.b64decode(text, validate=True))
    except (ValueError, RecursionError) as error:
        raise _malformed("Client context must be a valid Base64-encoded JSON object.") from error
    if len(text) > _LONGEST_CONTEXT:
        raise _malformed(f"Client context must be no more than {_LONGEST_CONTEXT} bytes when base64-encoded.")


def _malformed(message: str) -> ApiError:
    return ApiError(message, code="InvalidRequestContentException", status=400, Type="User")
