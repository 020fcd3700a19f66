"""Reserved concurrency: the most calls of a function at a time; 0 stops it."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.lambda_functions import names
from clary.store import resources


def put_function_concurrency(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wanted = request["ReservedConcurrentExecutions"]
    most = context.settings.function_processes
    if wanted > most:
        raise names.invalid(
            f"Specified ReservedConcurrentExecutions for function is more than the {most} processes of functions "
            "that this installation runs at a time (CLARY_FUNCTION_PROCESSES)."
        )
    _set(context, request, wanted)
    return {"ReservedConcurrentExecutions": wanted}


def get_function_concurrency(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        function = names.get(tx, names.named(context, request))
    reserved = function.document.get("concurrency")
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


def delete_function_concurrency(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _set(context, request, None)
    return {}


def _set(context: Context, request: dict[str, Any], value: int | None) -> None:
    with context.database.write() as tx:
        function = names.get(tx, names.named(context, request))
        document = {key: entry for key, entry in function.document.items() if key != "concurrency"}
        if value is not None:
            document["concurrency"] = value
        resources.save(tx, function, document=document, now=context.now)
