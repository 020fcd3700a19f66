"""CreateAlias, GetAlias, UpdateAlias, DeleteAlias and ListAliases: names for versions."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from clary.services.context import Context
from clary.services.lambda_functions import names
from clary.services.lambda_functions.listing import whole
from clary.store import resources
from clary.store.database import Transaction
from clary.store.functions import ALIAS, LATEST, find_version
from clary.store.resources import Resource


def create_alias(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    who = names.named(context, request)
    if names.is_number(request["Name"]):
        raise names.invalid("The name of an alias may not be a number.")
    with context.database.write() as tx:
        function = names.get(tx, who)
        arn = f"{function.arn}:{request['Name']}"
        document = _changed(tx, function, {"Description": "", "Name": request["Name"]}, request)
        try:
            alias = resources.create(
                tx,
                account=function.account,
                region=function.region,
                kind=ALIAS,
                name=request["Name"],
                arn=arn,
                document=document,
                now=context.now,
                parent=function.name,
            )
        except resources.AlreadyExists as error:
            raise names.conflict(f"Alias already exists: {arn}") from error
    return _shown(alias)


def get_alias(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return _shown(_existing(tx, context, request)[1])


def update_alias(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        function, alias = _existing(tx, context, request)
        names.check_revision(request, alias.document["RevisionId"])
        document = _changed(tx, function, alias.document, request)
        return _shown(resources.save(tx, alias, document=document, now=context.now))


def delete_alias(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """An alias that is not there is deleted already."""
    with context.database.write() as tx:
        function = names.get(tx, names.named(context, request))
        alias = names.get_alias(tx, function, request["Name"])
        if alias is not None:
            resources.remove(tx, alias, now=context.now)
    return {}


def list_aliases(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    who = names.named(context, request)
    wanted = request.get("FunctionVersion")
    with context.database.read() as tx:
        function = names.get(tx, who)
        aliases = whole(tx, function, ALIAS)
    rows = [alias for alias in aliases if wanted in (None, alias.document["FunctionVersion"])]
    scope = f"{function.arn}/{wanted}"
    if "Marker" in request:
        (last,) = context.pager.decode("ListAliases", scope, request["Marker"])
        rows = [row for row in rows if row.name.lower() > last]
    size = min(request.get("MaxItems", 50), 50)
    page: dict[str, Any] = {"Aliases": [_shown(row) for row in rows[:size]]}
    if len(rows) > size:
        page["NextMarker"] = context.pager.encode("ListAliases", scope, [rows[size - 1].name.lower()])
    return page


def route(alias: Resource, request_id: str) -> str:
    """The version that a call of an alias gets; with weights, by a number that follows from the request id."""
    weights = alias.document.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    drawn = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:4], "big") / 2**32
    for version, weight in weights.items():
        if drawn < weight:
            return str(version)
        drawn -= weight
    return str(alias.document["FunctionVersion"])


def _existing(tx: Transaction, context: Context, request: dict[str, Any]) -> tuple[Resource, Resource]:
    function = names.get(tx, names.named(context, request))
    alias = names.get_alias(tx, function, request["Name"])
    if alias is None:
        raise names.not_found(f"Cannot find alias arn: {function.arn}:{request['Name']}")
    return function, alias


def _changed(
    tx: Transaction, function: Resource, document: dict[str, Any], request: dict[str, Any]
) -> dict[str, Any]:
    changed = {**document, "RevisionId": str(uuid.uuid4())}
    for name in ("FunctionVersion", "Description", "RoutingConfig"):
        if name in request:
            changed[name] = request[name]
    weights = changed.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    for version in (changed["FunctionVersion"], *weights):
        if find_version(tx, function, version) is None:
            raise names.not_found(f"Function not found: {function.arn}:{version}")
    if weights and (LATEST in (changed["FunctionVersion"], *weights) or sum(weights.values()) > 1):
        raise names.invalid("An alias with weights may not lead to $LATEST, and weights are 1 in sum at most.")
    return changed


def _shown(alias: Resource) -> dict[str, Any]:
    return {**alias.document, "AliasArn": alias.arn}
