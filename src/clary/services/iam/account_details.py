"""What an account holds, at one look: GetAccountAuthorizationDetails and GetAccountSummary."""

from __future__ import annotations

import json
from typing import Any

from clary.services.context import Context
from clary.services.iam import entities, groups, instance_profiles, policies, policy_versions, roles, users
from clary.services.iam.attachments import attached_policy
from clary.services.iam.entities import GROUP, ROLE, USER
from clary.store import principals, resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_COUNTED = (*entities.ENTITIES, entities.PROFILE)
_FILTERS = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")


def get_account_authorization_details(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Users, groups, roles and policies with all that hangs on them, in one list of pages."""
    wanted = request.get("Filter") or _FILTERS
    operation = "GetAccountAuthorizationDetails"
    with context.database.read() as tx:
        found = [item for item in _everything(tx, context) if item[0] in wanted]
        shown, more = entities.page(context, request, operation, found, _key, json.dumps(sorted(wanted)))
        details = _Details(tx, context)
        return {
            "UserDetailList": [details.user(row) for kind, row in shown if kind == "User"],
            "GroupDetailList": [details.group(row) for kind, row in shown if kind == "Group"],
            "RoleDetailList": [details.role(row) for kind, row in shown if kind == "Role"],
            "Policies": [details.policy(row) for kind, row in shown if kind.endswith("Policy")],
            **more,
        }


def get_account_summary(context: Context, _request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        counted = {f"{entity.title}s": len(entities.rows_of(tx, context, entity)) for entity in _COUNTED}
        own = resources.count(tx, Query(context.account, "", principals.POLICY))
    quotas = {"AccessKeysPerUserQuota": 2, "AttachedPoliciesPerUserQuota": 20, "VersionsPerPolicyQuota": 5}
    return {"SummaryMap": {**counted, "Policies": own, "MFADevices": 0, "AccountMFAEnabled": 0, **quotas}}


def list_account_aliases(_context: Context, _request: dict[str, Any]) -> dict[str, Any]:
    """None: accounts have numbers and the names that `clary account` shows."""
    return {"AccountAliases": [], "IsTruncated": False}


def _everything(tx: Transaction, context: Context) -> list[tuple[str, Resource]]:
    found = [(entity.title, row) for entity in entities.ENTITIES for row in entities.rows_of(tx, context, entity)]
    for kind, account in (("LocalManagedPolicy", context.account), ("AWSManagedPolicy", principals.AWS)):
        rows = resources.page(tx, Query(account, "", principals.POLICY, sort="name", limit=100_000))
        found += [(kind, row) for row in rows]
    return found


def _key(item: tuple[str, Resource]) -> str:
    return f"{item[0]}/{item[1].arn}"


class _Details:
    """Descriptions with policies written out."""

    def __init__(self, tx: Transaction, context: Context) -> None:
        self._tx = tx
        self._context = context
        self._usage = policies.usage_of(tx, context)

    def user(self, row: Resource) -> dict[str, Any]:
        member_of = [group.name for group in groups.groups_of(self._tx, self._context, row)]
        return {**users.describe(row), **self._policies(row, USER), "GroupList": member_of}

    def group(self, row: Resource) -> dict[str, Any]:
        return {**groups.describe(row), **self._policies(row, GROUP)}

    def role(self, row: Resource) -> dict[str, Any]:
        described = roles.describe(row)
        for member in ("Description", "MaxSessionDuration"):  # not in this list
            described.pop(member, None)
        held = [
            instance_profiles.describe(self._tx, self._context, profile)
            for profile in instance_profiles.profiles_of(self._tx, self._context, row)
        ]
        return {**described, **self._policies(row, ROLE), "InstanceProfileList": held}

    def policy(self, row: Resource) -> dict[str, Any]:
        versions = [policy_versions.describe(row, version, with_text=True) for version in row.document["Versions"]]
        described = policies.describe(row, self._usage)
        described.pop("Tags")
        return {**described, "PolicyVersionList": versions}

    def _policies(self, row: Resource, entity: entities.Entity) -> dict[str, Any]:
        attached = [entities.get_policy_row(self._tx, self._context, arn) for arn in row.document["Attached"]]
        inline = [
            {"PolicyName": name, "PolicyDocument": entities.encoded(text)}
            for name, text in row.document["Inline"].items()
        ]
        return {
            f"{entity.title}PolicyList": inline,
            "AttachedManagedPolicies": [attached_policy(policy) for policy in attached],
        }
