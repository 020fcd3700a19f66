"""Versions of managed policies: up to five are kept, one of them is in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clary.services.context import Context
from clary.services.iam import entities
from clary.services.iam.policies import check_policy
from clary.store import resources
from clary.store.resources import Resource

_MAX_VERSIONS = 5


def create_policy_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_policy(request["PolicyDocument"])
    with context.database.write() as tx:
        policy = entities.get_own_policy_row(tx, context, request["PolicyArn"])
        if len(policy.document["Versions"]) >= _MAX_VERSIONS:
            raise entities.LimitExceeded(
                "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
                "existing version."
            )
        document = with_version(
            policy.document, request["PolicyDocument"], context.now, default=request.get("SetAsDefault", False)
        )
        policy = resources.save(tx, policy, document=document, now=context.now)
    return {"PolicyVersion": describe(policy, f"v{document['Last']}", with_text=False)}


def with_version(document: Mapping[str, Any], text: str, now: datetime, *, default: bool) -> dict[str, Any]:
    """A policy's document with one more version; numbers are never used again."""
    number = document["Last"] + 1
    versions = {**document["Versions"], f"v{number}": {"Text": text, "CreatedAt": now}}
    added = {**document, "Versions": versions, "Last": number}
    return {**added, "Default": f"v{number}", "Text": text} if default else added


def get_policy_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        policy = entities.get_policy_row(tx, context, request["PolicyArn"])
    _check_version(policy, request["VersionId"])
    return {"PolicyVersion": describe(policy, request["VersionId"], with_text=True)}


def list_policy_versions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The newest first."""
    with context.database.read() as tx:
        policy = entities.get_policy_row(tx, context, request["PolicyArn"])
    # Pages go by growing keys, so the order is turned round in the key.
    newest_first = {f"{1_000_000 - int(version[1:]):07d}": version for version in policy.document["Versions"]}
    shown, more = entities.page(context, request, "ListPolicyVersions", list(newest_first), str, policy.arn)
    versions = [describe(policy, newest_first[key], with_text=False) for key in shown]
    return {"Versions": versions, **more}


def set_default_policy_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    version = request["VersionId"]
    with context.database.write() as tx:
        policy = entities.get_own_policy_row(tx, context, request["PolicyArn"])
        _check_version(policy, version)
        text = policy.document["Versions"][version]["Text"]
        changed = {**policy.document, "Default": version, "Text": text}
        resources.save(tx, policy, document=changed, now=context.now)
    return {}


def delete_policy_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    version = request["VersionId"]
    with context.database.write() as tx:
        policy = entities.get_own_policy_row(tx, context, request["PolicyArn"])
        _check_version(policy, version)
        if version == policy.document["Default"]:
            raise entities.DeleteConflict("Cannot delete the default version of a policy.")
        left = {name: kept for name, kept in policy.document["Versions"].items() if name != version}
        resources.save(tx, policy, document={**policy.document, "Versions": left}, now=context.now)
    return {}


def _check_version(policy: Resource, version: str) -> None:
    if version not in policy.document["Versions"]:
        raise entities.NoSuchEntity(f"Policy {policy.arn} version {version} does not exist or is not attachable.")


def describe(policy: Resource, version: str, *, with_text: bool) -> dict[str, Any]:
    kept = policy.document["Versions"][version]
    described = {
        "Document": entities.encoded(kept["Text"]) if with_text else None,
        "VersionId": version,
        "IsDefaultVersion": version == policy.document["Default"],
        "CreateDate": kept["CreatedAt"].replace(microsecond=0),
    }
    return entities.given(described)
