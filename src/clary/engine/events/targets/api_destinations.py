"""API destinations: a request to the URL that the user has configured, with the credentials of its connection.

Options: HttpParameters (PathParameterValues, HeaderParameters, QueryStringParameters).
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from clary.access.evaluation import AccessRequest, PolicySet, evaluate
from clary.access.principals import role_session
from clary.engine.events.targets import http
from clary.engine.events.targets.target import Tools, Undeliverable
from clary.store import principals, resources
from clary.store.deliveries import Delivery
from clary.store.resources import Resource

_ACTION = "events:InvokeApiDestination"


def send(tools: Tools, delivery: Delivery) -> None:
    document = delivery.document
    _check_role(tools, delivery)
    with tools.database.read() as tx:
        destination = resources.find_by_arn(tx, document["target"])
        connection = resources.find_by_arn(tx, destination.document["connection"]) if destination else None
    if destination is None or connection is None or destination.account != delivery.account:
        raise Undeliverable("NO_RESOURCE", f"{document['target']} (or its connection) does not exist.")
    parameters = document["options"].get("HttpParameters") or {}
    secret = connection.document["secret_parameters"]
    extra = secret.get("InvocationHttpParameters") or {}
    headers = {**(parameters.get("HeaderParameters") or {}), **_pairs(extra.get("HeaderParameters"))}
    query = {**(parameters.get("QueryStringParameters") or {}), **_pairs(extra.get("QueryStringParameters"))}
    url = _url(destination, parameters.get("PathParameterValues") or [], query)
    body = _with_body(document["body"], _pairs(extra.get("BodyParameters")))
    http.request(destination.document["method"], url, {**headers, **_credentials(secret)}, body)


def _check_role(tools: Tools, delivery: Delivery) -> None:
    """The role of the target must be allowed to call the destination."""
    role_arn = delivery.document["role"] or ""
    with tools.database.read() as tx:
        role = principals.policies_of(tx, role_arn)
    if role is None:
        raise Undeliverable("NO_PERMISSIONS", f"The role {role_arn} does not exist.")
    who = role_session(role_arn, role.principal_id, f"clary-{delivery.id}")
    asked = AccessRequest(who, _ACTION, delivery.document["target"], {})
    decision = evaluate(asked, PolicySet(identity=role.policies, boundary=role.boundary))
    if not decision.allowed:
        raise Undeliverable("NO_PERMISSIONS", decision.message(asked))


def _url(destination: Resource, values: list[str], query: dict[str, str]) -> str:
    """Stars in the endpoint are filled in order; what is filled in never changes the host."""
    parts = urlsplit(destination.document["endpoint"])
    path: str = parts.path
    for value in values:
        path = path.replace("*", quote(value, safe=""), 1)
    joined = "&".join(part for part in (parts.query, urlencode(query)) if part)
    return str(urlunsplit((parts.scheme, parts.netloc, path, joined, "")))


def _credentials(secret: dict[str, Any]) -> dict[str, str]:
    if key := secret.get("ApiKeyAuthParameters"):
        return {key["ApiKeyName"]: key["ApiKeyValue"]}
    basic = secret["BasicAuthParameters"]
    pair = base64.b64encode(f"{basic['Username']}:{basic['Password']}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _with_body(body: str, extra: dict[str, str]) -> str:
    """Body parameters of the connection become members of the message, if that is an object."""
    if not extra:
        return body
    try:
        message = json.loads(body)
    except ValueError:
        return body
    return json.dumps({**message, **extra}) if isinstance(message, dict) else body


def _pairs(items: list[dict[str, Any]] | None) -> dict[str, str]:
    return {item["Key"]: item.get("Value", "") for item in items or []}
