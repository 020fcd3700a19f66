"""Managed policies: the customer's own, and those that exist from the start under AWS's names."""

from __future__ import annotations

from typing import Any

from clary.access.documents import parse_policy
from clary.base import ids
from clary.services.context import Context
from clary.services.iam import entities
from clary.store import principals, resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource


def new_policy_resource(context: Context, request: dict[str, Any]) -> str:
    return f"arn:aws:iam::{context.account}:policy{request.get('Path', '/')}{request['PolicyName']}"


def create_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    parse_policy(request["PolicyDocument"])
    document = {
        "PolicyId": ids.access_key_id("ANPA"),
        "Path": request.get("Path", "/"),
        "Description": request.get("Description"),
        "Text": request["PolicyDocument"],
        "Tags": request.get("Tags") or [],
    }
    with context.database.write() as tx:
        try:
            policy = resources.create(
                tx,
                account=context.account,
                region="",
                kind=principals.POLICY,
                name=request["PolicyName"],
                arn=new_policy_resource(context, request),
                document=document,
                now=context.now,
            )
        except resources.AlreadyExists as error:
            raise entities.EntityAlreadyExists(
                f"A policy called {request['PolicyName']} already exists. Duplicate names are not allowed."
            ) from error
    return {"Policy": _describe(policy, 0)}


def get_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        policy = entities.get_policy_row(tx, context, request["PolicyArn"])
        return {"Policy": _describe(policy, len(_roles_with(tx, context, policy.arn)))}


def get_policy_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Policies have one version, v1."""
    with context.database.read() as tx:
        policy = entities.get_policy_row(tx, context, request["PolicyArn"])
    if request["VersionId"] != "v1":
        raise entities.NoSuchEntity(f"Policy {policy.arn} version {request['VersionId']} does not exist.")
    version = {
        "Document": entities.encoded(policy.document["Text"]),
        "VersionId": "v1",
        "IsDefaultVersion": True,
        "CreateDate": policy.created_at.replace(microsecond=0),
    }
    return {"PolicyVersion": version}


def list_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    scope = request.get("Scope", "All")
    accounts = {"All": (context.account, entities.AWS), "AWS": (entities.AWS,), "Local": (context.account,)}[scope]
    with context.database.read() as tx:
        rows = [
            row
            for account in accounts
            for row in resources.page(tx, Query(account, "", principals.POLICY, sort="name", limit=100_000))
        ]
        counts = {row.arn: len(_roles_with(tx, context, row.arn)) for row in rows}
    if request.get("OnlyAttached"):
        rows = [row for row in rows if counts[row.arn]]
    rows = [row for row in rows if row.document["Path"].startswith(request.get("PathPrefix", "/"))]
    shown, more = entities.page(context, request, "ListPolicies", rows, lambda row: row.arn, scope)
    return {"Policies": [_describe(row, counts[row.arn]) for row in shown], **more}


def delete_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        policy = entities.get_policy_row(tx, context, request["PolicyArn"])
        if policy.account == entities.AWS:
            raise entities.NoSuchEntity(f"Policy {policy.arn} is managed by AWS and cannot be deleted.")
        if _roles_with(tx, context, policy.arn):
            raise entities.DeleteConflict("Cannot delete a policy attached to entities.")
        resources.remove(tx, policy)
    return {}


def _roles_with(tx: Transaction, context: Context, arn: str) -> list[Resource]:
    rows = resources.page(tx, Query(context.account, "", principals.ROLE, sort="name", limit=100_000))
    return [row for row in rows if arn in row.document["Attached"] or arn == row.document.get("Boundary")]


def _describe(policy: Resource, attachments: int) -> dict[str, Any]:
    created = policy.created_at.replace(microsecond=0)
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.document["PolicyId"],
        "Arn": policy.arn,
        "Path": policy.document["Path"],
        "DefaultVersionId": "v1",
        "AttachmentCount": attachments,
        "IsAttachable": True,
        "Description": policy.document["Description"],
        "CreateDate": created,
        "UpdateDate": created,
        "Tags": policy.document["Tags"],
    }
