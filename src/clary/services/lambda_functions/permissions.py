"""AddPermission, RemovePermission and GetPolicy: the policy of a function, by which others may invoke it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from clary.access.documents import parse_resource_policy
from clary.access.evaluation import Document
from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.lambda_functions import names
from clary.services.lambda_functions.roles import SERVICE
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_ACCOUNT = re.compile(r"[0-9]{12}")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


def add_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names.refuse_unserved(
        "AddPermission", request, "FunctionUrlAuthType", "InvokedViaFunctionUrl", "EventSourceToken"
    )
    who = names.named(context, request)
    with context.database.write() as tx:
        function = _checked(tx, who)
        names.check_revision(request, function.document["configuration"]["RevisionId"])
        statement = _statement(who, request)
        policies = function.document.get("policies", {})
        statements = policies.get(who.qualifier, [])
        if any(item["Sid"] == statement["Sid"] for item in statements):
            raise names.conflict(
                f"The statement id ({statement['Sid']}) provided already exists. Please provide a new statement id, "
                "or remove the existing statement."
            )
        _save(tx, context, function, who.qualifier, [*statements, statement])
    return {"Statement": json.dumps(statement)}


def remove_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    who = names.named(context, request)
    with context.database.write() as tx:
        function = _checked(tx, who)
        names.check_revision(request, function.document["configuration"]["RevisionId"])
        statements = function.document.get("policies", {}).get(who.qualifier, [])
        if not statements:
            raise names.not_found("No policy is associated with the given resource.")
        kept = [item for item in statements if item["Sid"] != request["StatementId"]]
        if len(kept) == len(statements):
            raise names.not_found(f"Statement {request['StatementId']} is not found in resource policy.")
        _save(tx, context, function, who.qualifier, kept)
    return {}


def get_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    who = names.named(context, request)
    with context.database.read() as tx:
        function = _checked(tx, who)
    statements = function.document.get("policies", {}).get(who.qualifier)
    if not statements:
        raise names.not_found("The resource you requested does not exist.")
    return {
        "Policy": json.dumps(_document(statements)),
        "RevisionId": function.document["configuration"]["RevisionId"],
    }


def policies_of(context: Context, request: dict[str, Any]) -> Sequence[Document]:
    """For dispatch tables: the policy that counts when this function (and qualifier) is invoked.

    Lambda itself may invoke a function in its own name: that is how asynchronous calls are performed.
    """
    who = names.named(context, request)
    with context.database.read() as tx:
        function = names.find(tx, who)
    if function is None:
        return ()
    own = {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": "lambda:InvokeFunction",
        "Resource": who.qualified_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": function.arn}},
    }
    return (_document([*function.document.get("policies", {}).get(who.qualifier, []), own]),)


def _document(statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}


def _checked(tx: Transaction, who: names.Named) -> Resource:
    """The function; its qualifier, if any, must lead somewhere."""
    function = names.get(tx, who)
    names.get_version(tx, function, who)
    return function


def _save(tx: Transaction, context: Context, function: Resource, qualifier: str, statements: list[Any]) -> None:
    policies = {**function.document.get("policies", {}), qualifier: statements}
    document = {**function.document, "policies": {key: value for key, value in policies.items() if value}}
    resources.save(tx, function, document=document, now=context.now)


def _statement(who: names.Named, request: dict[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": who.qualified_arn,
    }
    condition: dict[str, Any] = {}
    if "SourceArn" in request:
        condition["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
    equal = {"AWS:SourceAccount": request.get("SourceAccount"), "aws:PrincipalOrgID": request.get("PrincipalOrgID")}
    if any(equal.values()):
        condition["StringEquals"] = {name: value for name, value in equal.items() if value}
    if condition:
        statement["Condition"] = condition
    try:
        parse_resource_policy(json.dumps(_document([statement])))
    except ApiError as error:
        raise names.invalid(f"The statement is not valid: {error.message}") from error
    return statement


def _principal(text: str) -> Any:
    if text == "*":
        return "*"
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if text.startswith("arn:"):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise names.invalid("The provided principal was invalid. Please check the principal and try again.")
