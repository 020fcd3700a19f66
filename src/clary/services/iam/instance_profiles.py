"""Instance profiles: a name under which a machine is given one role.

Nothing of Clary uses them; scripts that set roles up make them along, and a role in one cannot be deleted, as on AWS.
"""

from __future__ import annotations

from typing import Any

from clary.base import ids
from clary.services.context import Context
from clary.services.iam import entities, roles
from clary.services.iam.entities import PROFILE
from clary.services.iam.tags import tags_of
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_HAS_ROLE = "Cannot delete entity, must remove roles from instance profile first."


def create_instance_profile(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document = {
        "InstanceProfileId": ids.access_key_id("AIPA"),
        "Path": request.get("Path", "/"),
        "Role": None,
        "Tags": tags_of(request.get("Tags")),
    }
    with context.database.write() as tx:
        row = entities.create_row(tx, context, PROFILE, request["InstanceProfileName"], document)
        return {"InstanceProfile": describe(tx, context, row)}


def get_instance_profile(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return {"InstanceProfile": describe(tx, context, _get(tx, context, request))}


def list_instance_profiles(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    prefix = request.get("PathPrefix", "/")
    with context.database.read() as tx:
        rows = [row for row in entities.rows_of(tx, context, PROFILE) if row.document["Path"].startswith(prefix)]
        return _page(tx, context, request, "ListInstanceProfiles", rows, prefix)


def list_instance_profiles_for_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        rows = profiles_of(tx, context, role)
        return _page(tx, context, request, "ListInstanceProfilesForRole", rows, role.name)


def add_role_to_instance_profile(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """A profile holds one role; whoever puts it there must be allowed to pass it."""
    with context.database.write() as tx:
        row = _get(tx, context, request)
        role = entities.get_role_row(tx, context, request["RoleName"])
        context.authorize("iam:PassRole", role.arn, {"iam:passedtoservice": "ec2.amazonaws.com"})
        if row.document["Role"] is not None:
            raise entities.LimitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
        entities.save(tx, context, row, {"Role": role.name})
    return {}


def remove_role_from_instance_profile(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = _get(tx, context, request)
        role = entities.get_role_row(tx, context, request["RoleName"])
        if row.document["Role"] != role.name:
            raise entities.NoSuchEntity(f"The role with name {role.name} cannot be found.")
        entities.save(tx, context, row, {"Role": None})
    return {}


def delete_instance_profile(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = _get(tx, context, request)
        if row.document["Role"] is not None:
            raise entities.DeleteConflict(_HAS_ROLE)
        resources.remove(tx, row)
    return {}


def delete_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Refused while policies hang on it, or while it is in an instance profile. Its sessions end with it."""
    with context.database.write() as tx:
        role = entities.get_role_row(tx, context, request["RoleName"])
        if profiles_of(tx, context, role):
            raise entities.DeleteConflict(_HAS_ROLE)
        entities.check_bare(role)
        resources.remove(tx, role)
    return {}


def profiles_of(tx: Transaction, context: Context, role: Resource) -> list[Resource]:
    return [row for row in entities.rows_of(tx, context, PROFILE) if row.document["Role"] == role.name]


def describe(tx: Transaction, context: Context, row: Resource) -> dict[str, Any]:
    held = row.document["Role"]
    return {
        "Path": row.document["Path"],
        "InstanceProfileName": row.name,
        "InstanceProfileId": row.document["InstanceProfileId"],
        "Arn": row.arn,
        "CreateDate": row.created_at.replace(microsecond=0),
        "Roles": [] if held is None else [roles.describe(entities.get_role_row(tx, context, held))],
        "Tags": entities.tag_list(row.document["Tags"]),
    }


def _get(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource:
    return entities.get_row(tx, context, PROFILE, request["InstanceProfileName"])


def _page(
    tx: Transaction, context: Context, request: dict[str, Any], operation: str, rows: list[Resource], scope: str
) -> dict[str, Any]:
    shown, more = entities.page(context, request, operation, rows, lambda row: row.name, scope)
    return {"InstanceProfiles": [describe(tx, context, row) for row in shown], **more}
