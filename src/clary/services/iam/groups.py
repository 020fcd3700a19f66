"""Groups of users. A user's document names the ids of its groups, so a group can be renamed alone."""

from __future__ import annotations

from typing import Any

from clary.base import ids
from clary.services.context import Context
from clary.services.iam import entities, users
from clary.services.iam.entities import GROUP, USER
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_MAX_GROUPS = 10


def create_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document = {
        "GroupId": ids.access_key_id("AGPA"),
        "Path": request.get("Path", "/"),
        "Inline": {},
        "Attached": [],
        "Tags": {},
    }
    with context.database.write() as tx:
        return {"Group": describe(entities.create_row(tx, context, GROUP, request["GroupName"], document))}


def get_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The group and, in pages, its members."""
    with context.database.read() as tx:
        group = entities.get_row(tx, context, GROUP, request["GroupName"])
        found = members(tx, context, group)
    shown, more = entities.page(context, request, "GetGroup", found, lambda row: row.name, group.arn)
    return {"Group": describe(group), "Users": [users.describe(row) for row in shown], **more}


def list_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    with context.database.read() as tx:
        rows = entities.rows_of(tx, context, GROUP)
    rows = [row for row in rows if row.document["Path"].startswith(prefix)]
    shown, more = entities.page(context, request, "ListGroups", rows, lambda row: row.name, prefix)
    return {"Groups": [describe(row) for row in shown], **more}


def list_groups_for_user(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        user = entities.get_row(tx, context, USER, request["UserName"])
        rows = groups_of(tx, context, user)
    shown, more = entities.page(context, request, "ListGroupsForUser", rows, lambda row: row.name, user.arn)
    return {"Groups": [describe(row) for row in shown], **more}


def update_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        group = entities.get_row(tx, context, GROUP, request["GroupName"])
        users.renamed(tx, context, GROUP, group, request)
    return {}


def delete_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        group = entities.get_row(tx, context, GROUP, request["GroupName"])
        if members(tx, context, group):
            raise entities.DeleteConflict("Cannot delete entity, must remove users from group first.")
        entities.check_bare(group)
        resources.remove(tx, group)
    return {}


def add_user_to_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        group = entities.get_row(tx, context, GROUP, request["GroupName"])
        user = entities.get_row(tx, context, USER, request["UserName"])
        known, wanted = user.document["Groups"], group.document["GroupId"]
        if wanted not in known:
            if len(known) >= _MAX_GROUPS:
                raise entities.LimitExceeded(f"Cannot exceed quota for GroupsPerUser: {_MAX_GROUPS}")
            entities.save(tx, context, user, {"Groups": [*known, wanted]})
    return {}


def remove_user_from_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        group = entities.get_row(tx, context, GROUP, request["GroupName"])
        user = entities.get_row(tx, context, USER, request["UserName"])
        left = [known for known in user.document["Groups"] if known != group.document["GroupId"]]
        if left != user.document["Groups"]:
            entities.save(tx, context, user, {"Groups": left})
    return {}


def members(tx: Transaction, context: Context, group: Resource) -> list[Resource]:
    found = entities.rows_of(tx, context, USER)
    return [user for user in found if group.document["GroupId"] in user.document["Groups"]]


def groups_of(tx: Transaction, context: Context, user: Resource) -> list[Resource]:
    found = entities.rows_of(tx, context, GROUP)
    return [group for group in found if group.document["GroupId"] in user.document["Groups"]]


def describe(group: Resource) -> dict[str, Any]:
    return {
        "Path": group.document["Path"],
        "GroupName": group.name,
        "GroupId": group.document["GroupId"],
        "Arn": group.arn,
        "CreateDate": group.created_at.replace(microsecond=0),
    }
