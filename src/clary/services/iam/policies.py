"""Managed policies: the customer's own, and those that exist from the start under AWS's names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from clary.access.documents import parse_policy
from clary.base import ids
from clary.services.context import Context
from clary.services.iam import entities
from clary.services.iam.tags import tags_of
from clary.store import principals, resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

MAX_CHARACTERS = 6144


def new_policy_resource(context: Context, request: dict[str, Any]) -> str:
    return f"arn:aws:iam::{context.account}:policy{request.get('Path', '/')}{request['PolicyName']}"


def create_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_policy(request["PolicyDocument"])
    document = new_policy(
        request["PolicyDocument"],
        context.now,
        path=request.get("Path", "/"),
        description=request.get("Description"),
        tags=tags_of(request.get("Tags")),
    )
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
    return {"Policy": describe(policy, Usage([]))}


def check_policy(text: str) -> None:
    parse_policy(text)
    entities.check_size(MAX_CHARACTERS, f"Cannot exceed quota for PolicySize: {MAX_CHARACTERS}", text)


def new_policy(
    text: str,
    now: datetime,
    *,
    path: str = "/",
    description: str | None = None,
    tags: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The document of a new policy. `Text` is the default version's, for those who only evaluate."""
    return {
        "PolicyId": ids.access_key_id("ANPA"),
        "Path": path,
        "Description": description,
        "Text": text,
        "Versions": {"v1": {"Text": text, "CreatedAt": now}},
        "Default": "v1",
        "Last": 1,
        "Tags": tags or {},
    }


def get_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        policy = entities.get_policy_row(tx, context, request["PolicyArn"])
        usage = usage_of(tx, context)
    return {"Policy": describe(policy, usage)}


def list_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    scope, filtered = request.get("Scope", "All"), request.get("PolicyUsageFilter")
    accounts = {"All": (context.account, principals.AWS), "AWS": (principals.AWS,), "Local": (context.account,)}[
        scope
    ]
    with context.database.read() as tx:
        rows = [
            row
            for account in accounts
            for row in resources.page(tx, Query(account, "", principals.POLICY, sort="name", limit=100_000))
        ]
        usage = usage_of(tx, context)
    if filtered:
        used = usage.boundaries if filtered == "PermissionsBoundary" else usage.attachments
        rows = [row for row in rows if used[row.arn]]
    if request.get("OnlyAttached"):
        rows = [row for row in rows if usage.attachments[row.arn]]
    rows = [row for row in rows if row.document["Path"].startswith(request.get("PathPrefix", "/"))]
    listed = f"{scope}/{filtered}/{request.get('OnlyAttached')}/{request.get('PathPrefix')}"
    shown, more = entities.page(context, request, "ListPolicies", rows, lambda row: row.arn, listed)
    return {"Policies": [describe(row, usage) for row in shown], **more}


def delete_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        policy = entities.get_own_policy_row(tx, context, request["PolicyArn"])
        usage = usage_of(tx, context)
        if usage.attachments[policy.arn] or usage.boundaries[policy.arn]:
            raise entities.DeleteConflict("Cannot delete a policy attached to entities.")
        if len(policy.document["Versions"]) > 1:
            raise entities.DeleteConflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        resources.remove(tx, policy)
    return {}


class Usage:
    """How often each policy is attached, and how often it is a boundary."""

    def __init__(self, holders: Sequence[Resource]) -> None:
        self.attachments = Counter(arn for row in holders for arn in row.document["Attached"])
        self.boundaries = Counter(row.document.get("Boundary") for row in holders)


def usage_of(tx: Transaction, context: Context) -> Usage:
    return Usage([row for entity in entities.ENTITIES for row in entities.rows_of(tx, context, entity)])


def describe(policy: Resource, usage: Usage) -> dict[str, Any]:
    document = policy.document
    described = {
        "PolicyName": policy.name,
        "PolicyId": document["PolicyId"],
        "Arn": policy.arn,
        "Path": document["Path"],
        "DefaultVersionId": document["Default"],
        "AttachmentCount": usage.attachments[policy.arn],
        "PermissionsBoundaryUsageCount": usage.boundaries[policy.arn],
        "IsAttachable": True,
        "Description": document["Description"],
        "CreateDate": policy.created_at.replace(microsecond=0),
        "UpdateDate": policy.updated_at.replace(microsecond=0),
        "Tags": entities.tag_list(document["Tags"]),
    }
    return entities.given(described)
