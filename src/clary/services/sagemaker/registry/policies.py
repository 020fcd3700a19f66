"""The policy of a package group, which opens its versions to other accounts."""

from __future__ import annotations

from typing import Any

from clary.access.documents import MalformedPolicyDocument, parse_resource_policy
from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker.registry.rows import get_group
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource


def put_model_package_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    text = request["ResourcePolicy"]
    try:
        parse_resource_policy(text)
    except MalformedPolicyDocument as error:
        raise ValidationException(f"Invalid resource policy: {error.message}") from error
    with context.database.write() as tx:
        group = get_group(tx, context, request["ModelPackageGroupName"])
        resources.save(tx, group, document={**group.document, "policy": text}, now=context.now)
    return {"ModelPackageGroupArn": group.arn}


def get_model_package_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        group = _with_policy(tx, context, request)
    return {"ResourcePolicy": group.document["policy"]}


def delete_model_package_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        group = _with_policy(tx, context, request)
        document = {name: value for name, value in group.document.items() if name != "policy"}
        resources.save(tx, group, document=document, now=context.now)
    return {}


def _with_policy(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource:
    group = get_group(tx, context, request["ModelPackageGroupName"])
    if not group.document.get("policy"):
        raise ValidationException(f"Could not find a resource policy of {group.arn}.")
    return group
