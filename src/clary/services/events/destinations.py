"""Connections (how Clary shows who it is) and API destinations (where it sends to), for targets by HTTP.

Secrets of a connection are kept in its document for the deliverer alone; no answer contains them.
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

from clary.base.errors import ApiError, NotServed, ValidationException
from clary.services.context import Context
from clary.services.events import names
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource


def connection_arn(context: Context, request: dict[str, Any]) -> str:
    return names.arn(context, f"connection/{request['Name']}")


def destination_arn(context: Context, request: dict[str, Any]) -> str:
    return names.arn(context, f"api-destination/{request['Name']}")


def create_connection(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    parameters = _auth_parameters("CreateConnection", request["AuthorizationType"], request)
    document = {
        "description": request.get("Description"),
        "type": request["AuthorizationType"],
        "secret_parameters": parameters,
    }
    with context.database.write() as tx:
        row = _create(tx, context, names.CONNECTION, "connection", request["Name"], document)
    return _connection_times(row)


def update_connection(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = _get(tx, context, names.CONNECTION, request["Name"])
        kind = request.get("AuthorizationType", row.document["type"])
        if kind != row.document["type"] and not request.get("AuthParameters"):
            raise ValidationException("AuthParameters must come with another AuthorizationType.")
        changed = {
            **row.document,
            "type": kind,
            "description": request.get("Description", row.document["description"]),
        }
        if request.get("AuthParameters"):
            changed["secret_parameters"] = _auth_parameters("UpdateConnection", kind, request)
        row = resources.save(tx, row, document=changed, now=context.now)
    return _connection_times(row)


def describe_connection(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        row = _get(tx, context, names.CONNECTION, request["Name"])
    parameters = row.document["secret_parameters"]
    shown: dict[str, Any] = {}
    if basic := parameters.get("BasicAuthParameters"):
        shown["BasicAuthParameters"] = {"Username": basic["Username"]}
    if key := parameters.get("ApiKeyAuthParameters"):
        shown["ApiKeyAuthParameters"] = {"ApiKeyName": key["ApiKeyName"]}
    if extra := parameters.get("InvocationHttpParameters"):
        shown["InvocationHttpParameters"] = {name: [_open(item) for item in items] for name, items in extra.items()}
    return {**_connection(row), "Description": row.document["description"], "AuthParameters": shown}


def list_connections(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("ConnectionState", "AUTHORIZED") != "AUTHORIZED":
        return {"Connections": []}  # connections have no other state here
    rows, more = names.page(context, request, "ListConnections", names.CONNECTION, prefix=request.get("NamePrefix"))
    return {"Connections": [_connection(row) for row in rows], **more}


def delete_connection(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = _get(tx, context, names.CONNECTION, request["Name"])
        resources.remove(tx, row)
    return {**_connection_times(row), "ConnectionState": "DELETING"}


def create_api_destination(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check_endpoint(request["InvocationEndpoint"])
    with context.database.write() as tx:
        _check_connection(tx, context, request["ConnectionArn"])
        document = {
            "description": request.get("Description"),
            "connection": request["ConnectionArn"],
            "endpoint": request["InvocationEndpoint"],
            "method": request["HttpMethod"],
            "rate": request.get("InvocationRateLimitPerSecond", 300),
        }
        row = _create(tx, context, names.DESTINATION, "api-destination", request["Name"], document)
    return _destination_times(row)


def update_api_destination(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    members = {
        "Description": "description",
        "ConnectionArn": "connection",
        "InvocationEndpoint": "endpoint",
        "HttpMethod": "method",
        "InvocationRateLimitPerSecond": "rate",
    }
    with context.database.write() as tx:
        row = _get(tx, context, names.DESTINATION, request["Name"])
        if "InvocationEndpoint" in request:
            _check_endpoint(request["InvocationEndpoint"])
        if "ConnectionArn" in request:
            _check_connection(tx, context, request["ConnectionArn"])
        changed = {entry: request[member] for member, entry in members.items() if member in request}
        row = resources.save(tx, row, document={**row.document, **changed}, now=context.now)
    return _destination_times(row)


def describe_api_destination(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        row = _get(tx, context, names.DESTINATION, request["Name"])
    return {**_destination(row), "Description": row.document["description"]}


def list_api_destinations(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    connection = request.get("ConnectionArn")
    rows, more = names.page(
        context, request, "ListApiDestinations", names.DESTINATION, prefix=request.get("NamePrefix")
    )
    chosen = [row for row in rows if connection is None or row.document["connection"] == connection]
    return {"ApiDestinations": [_destination(row) for row in chosen], **more}


def delete_api_destination(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        resources.remove(tx, _get(tx, context, names.DESTINATION, request["Name"]))
    return {}


def _auth_parameters(operation: str, kind: str, request: dict[str, Any]) -> dict[str, Any]:
    if kind == "OAUTH_CLIENT_CREDENTIALS":
        raise NotServed(f"{operation} with AuthorizationType {kind} is not served by this version of Clary.")
    for member in ("InvocationConnectivityParameters", "KmsKeyIdentifier"):
        if request.get(member):
            raise NotServed(f"{operation} with {member} is not served by this version of Clary.")
    parameters: dict[str, Any] = request["AuthParameters"]
    if parameters.get("ConnectivityParameters"):
        raise NotServed(f"{operation} with ConnectivityParameters is not served by this version of Clary.")
    needed = {"BASIC": "BasicAuthParameters", "API_KEY": "ApiKeyAuthParameters"}[kind]
    if not parameters.get(needed):
        raise ValidationException(f"{needed} must be specified for AuthorizationType {kind}.")
    return parameters


def _check_endpoint(url: str) -> None:
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        port_is_number = False
    if not port_is_number or parts.scheme not in {"https", "http"} or not parts.hostname or parts.username:
        raise ValidationException("Parameter InvocationEndpoint is not valid.")


def _check_connection(tx: Transaction, context: Context, arn: str) -> None:
    found = resources.find_by_arn(tx, arn)
    if found is None or found.kind != names.CONNECTION or found.account != context.account:
        raise names.not_found(f"Connection '{arn}' does not exist.")


def _create(tx: Transaction, context: Context, kind: str, path: str, name: str, document: dict[str, Any]) -> Resource:
    """ARNs end in an id of their own: another of the same name is another one."""
    try:
        return resources.create(
            tx,
            account=context.account,
            region=context.region,
            kind=kind,
            name=name,
            arn=names.arn(context, f"{path}/{name}/{uuid.uuid4()}"),
            document=document,
            now=context.now,
        )
    except resources.AlreadyExists:
        raise names.taken(f"{_WORDS[kind]} {name} already exists.") from None


def _get(tx: Transaction, context: Context, kind: str, name: str) -> Resource:
    found = resources.find(tx, context.account, context.region, kind, name)
    if found is None:
        raise _missing(kind, name)
    return found


def _missing(kind: str, name: str) -> ApiError:
    return names.not_found(
        f"Failed to describe the {_WORDS[kind].lower()}(s). {_WORDS[kind]} '{name}' does not exist."
    )


_WORDS = {names.CONNECTION: "Connection", names.DESTINATION: "ApiDestination"}


def _open(item: dict[str, Any]) -> dict[str, Any]:
    """A parameter as answers show it."""
    return {name: value for name, value in item.items() if name != "Value" or not item.get("IsValueSecret")}


def _times(row: Resource) -> dict[str, Any]:
    return {"CreationTime": row.created_at, "LastModifiedTime": row.updated_at}


def _connection_times(row: Resource) -> dict[str, Any]:
    return {"ConnectionArn": row.arn, "ConnectionState": "AUTHORIZED", **_times(row)}


def _connection(row: Resource) -> dict[str, Any]:
    shown = {"Name": row.name, "AuthorizationType": row.document["type"], "LastAuthorizedTime": row.updated_at}
    return {**_connection_times(row), **shown}


def _destination_times(row: Resource) -> dict[str, Any]:
    return {"ApiDestinationArn": row.arn, "ApiDestinationState": "ACTIVE", **_times(row)}


def _destination(row: Resource) -> dict[str, Any]:
    document = row.document
    return {
        **_destination_times(row),
        "Name": row.name,
        "ConnectionArn": document["connection"],
        "InvocationEndpoint": document["endpoint"],
        "HttpMethod": document["method"],
        "InvocationRateLimitPerSecond": document["rate"],
    }
