"""Lineage groups: every account has one, which holds everything; it is there as soon as something is in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clary.base.errors import ResourceNotFound
from clary.services.context import Context
from clary.services.sagemaker.lineage import vertices
from clary.services.sagemaker.lineage.vertices import ACTION, ARTIFACT, CONTEXT, GROUP_NAME
from clary.store import resources
from clary.store.resources import Query


def described_group(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table."""
    name: str = request["LineageGroupName"]
    return vertices.group_arn(context).rpartition("/")[0] + "/" + name.rpartition("/")[2].lower()


def describe_lineage_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    since = _existing(context, request)
    return {**_group(context, since), "Description": "Everything in the lineage of this account."}


def list_lineage_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    since = _since(context)
    if since is None or since <= request.get("CreatedAfter", datetime.min.replace(tzinfo=since.tzinfo)):
        return {"LineageGroupSummaries": []}
    if "CreatedBefore" in request and since >= request["CreatedBefore"]:
        return {"LineageGroupSummaries": []}
    return {"LineageGroupSummaries": [_group(context, since)]}


def get_lineage_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Groups cannot be shared with other accounts here, so there is never a policy."""
    _existing(context, request)
    raise ResourceNotFound(f"{vertices.group_arn(context)} has no resource policy.")


def _existing(context: Context, request: dict[str, Any]) -> datetime:
    asked, own = described_group(context, request), vertices.group_arn(context)
    given = request["LineageGroupName"]
    since = _since(context)
    if since is None or asked != own or (given.startswith("arn:") and given.lower() != own):
        raise ResourceNotFound(f"Requested resource not found: {given}")
    return since


def _since(context: Context) -> datetime | None:
    """When the first thing came into it."""
    with context.database.read() as tx:
        first = [
            resources.page(tx, Query(context.account, context.region, kind, limit=1))
            for kind in (ARTIFACT, ACTION, CONTEXT)
        ]
    return min((row.created_at for found in first for row in found), default=None)


def _group(context: Context, since: datetime) -> dict[str, Any]:
    return {
        "LineageGroupName": GROUP_NAME,
        "LineageGroupArn": vertices.group_arn(context),
        "DisplayName": GROUP_NAME,
        "CreationTime": since,
        "LastModifiedTime": since,
    }
