"""Managed policies attached to users, groups and roles. The three have the same operations under other names."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.iam import entities
from clary.services.iam.entities import Entity
from clary.services.operation import Handler
from clary.store.resources import Resource

_MAX_ATTACHED = 20


def attaching(entity: Entity) -> Handler:
    """AttachUserPolicy, AttachGroupPolicy, AttachRolePolicy."""

    def attach(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.write() as tx:
            row = entities.get_row(tx, context, entity, request[entity.member])
            policy = entities.get_policy_row(tx, context, request["PolicyArn"], entities.NOT_ATTACHABLE)
            attached = row.document["Attached"]
            if policy.arn not in attached:
                if len(attached) >= _MAX_ATTACHED:
                    raise entities.LimitExceeded(
                        f"Cannot exceed quota for PoliciesPer{entity.title}: {_MAX_ATTACHED}"
                    )
                entities.save(tx, context, row, {"Attached": [*attached, policy.arn]})
        return {}

    return attach


def detaching(entity: Entity) -> Handler:
    """DetachUserPolicy, DetachGroupPolicy, DetachRolePolicy."""

    def detach(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PolicyArn"]
        with context.database.write() as tx:
            row = entities.get_row(tx, context, entity, request[entity.member])
            if arn not in row.document["Attached"]:
                raise entities.NoSuchEntity(f"Policy {arn} was not found.")
            left = [attached for attached in row.document["Attached"] if attached != arn]
            entities.save(tx, context, row, {"Attached": left})
        return {}

    return detach


def listing(entity: Entity) -> Handler:
    """ListAttachedUserPolicies, ListAttachedGroupPolicies, ListAttachedRolePolicies."""
    operation = f"ListAttached{entity.title}Policies"

    def list_attached(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with context.database.read() as tx:
            row = entities.get_row(tx, context, entity, request[entity.member])
            rows = [entities.get_policy_row(tx, context, arn) for arn in row.document["Attached"]]
        rows = [policy for policy in rows if policy.document["Path"].startswith(request.get("PathPrefix", "/"))]
        shown, more = entities.page(context, request, operation, rows, lambda policy: policy.arn, row.arn)
        return {"AttachedPolicies": [attached_policy(policy) for policy in shown], **more}

    return list_attached


def attached_policy(policy: Resource) -> dict[str, str]:
    return {"PolicyName": policy.name, "PolicyArn": policy.arn}


def list_entities_for_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Users, groups and roles that have the policy attached or as their boundary, in one list of pages."""
    with context.database.read() as tx:
        arn = entities.get_policy_row(tx, context, request["PolicyArn"]).arn
        found = [
            (f"{entity.word}/{row.name}", entity, row)
            for entity in entities.ENTITIES
            if request.get("EntityFilter", entity.title) in (entity.title, "LocalManagedPolicy", "AWSManagedPolicy")
            for row in entities.rows_of(tx, context, entity)
            if _uses(row, arn, request.get("PolicyUsageFilter"))
            and row.document["Path"].startswith(request.get("PathPrefix", "/"))
        ]
    shown, more = entities.page(context, request, "ListEntitiesForPolicy", found, lambda item: item[0], arn)
    return {
        f"Policy{entity.title}s": [
            {entity.member: row.name, f"{entity.title}Id": row.document[f"{entity.title}Id"]}
            for _, kind, row in shown
            if kind is entity
        ]
        for entity in entities.ENTITIES
    } | more


def _uses(row: Resource, arn: str, usage: str | None) -> bool:
    if usage != "PermissionsBoundary" and arn in row.document["Attached"]:
        return True
    return usage != "PermissionsPolicy" and arn == row.document.get("Boundary")
