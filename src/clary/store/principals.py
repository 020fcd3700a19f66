"""Who may do what, as read from the rows of IAM: for the doors' snapshot and for checks of roles.

Rows are written by services/iam. The document of a user, group or role holds `UserId` (`GroupId`, `RoleId`), `Inline`
(name -> text), `Attached` (policy ARNs), `Tags` and perhaps `Boundary` (a policy ARN); a role's also `Trust`
(document), a user's also `Groups` (ids of groups). A policy's holds `Text`, its default version. A key's row has the
access key id as its name and the user's id as its parent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from clary.base.installation import Installation
from clary.base.snapshots import Access, AccessKey, PrincipalPolicies
from clary.store import accounts, resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

ROLE = "iam-role"
USER = "iam-user"
GROUP = "iam-group"
KEY = "iam-access-key"
POLICY = "iam-policy"
PROFILE = "iam-instance-profile"
AWS = "aws"
"""Account of the policies that exist from the start under AWS's names."""

_NOTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'


def read_access(tx: Transaction, installation: Installation, number: int) -> Access:
    """Every key and principal of the installation. Session keys prove themselves and are not listed."""
    texts = {row.arn: row.document["Text"] for row in resources.all_of_kind(tx, POLICY)}
    closed = accounts.closed(tx)
    groups = {row.document["GroupId"]: row for row in resources.all_of_kind(tx, GROUP)}
    roles = [_role_policies(row, texts) for row in resources.all_of_kind(tx, ROLE) if row.account not in closed]
    users = {
        row.document["UserId"]: _user_policies(row, groups, texts)
        for row in resources.all_of_kind(tx, USER)
        if row.account not in closed
    }
    roots = [root_policies(account) for account in accounts.living(tx, installation.account)]
    keys = {}
    for root in roots:
        key_id, secret = installation.root_key(root.account)
        keys[key_id] = AccessKey(secret, root.arn, root.account)
    for row in resources.all_of_kind(tx, KEY):
        if (owner := users.get(row.parent)) is not None:
            active = row.document["Status"] == "Active"
            keys[row.name] = AccessKey(installation.secret_of(row.name), owner.arn, owner.account, active)
    everybody = (*roots, *users.values(), *roles)
    return Access(number=number, keys=keys, principals={principal.arn: principal for principal in everybody})


def account_of_key(tx: Transaction, installation: Installation, access_key_id: str) -> str | None:
    """The account that a long-term key belongs to; None when there is no such key."""
    for account in accounts.living(tx, installation.account):
        if installation.root_key(account)[0] == access_key_id:
            return account
    for row in resources.all_of_kind(tx, KEY):
        if row.name == access_key_id:
            return row.account
    return None


def root_policies(account: str) -> PrincipalPolicies:
    """The owner of an account needs no policies."""
    return PrincipalPolicies(f"arn:aws:iam::{account}:root", account, account, root=True)


def policies_of(tx: Transaction, principal_arn: str) -> PrincipalPolicies | None:
    """The policies of one role or user; None when there is no such principal."""
    row = resources.find_by_arn(tx, principal_arn)
    if row is None or row.kind not in (ROLE, USER):
        return None
    groups = {
        group.document["GroupId"]: group
        for group in resources.page(tx, Query(row.account, "", GROUP, limit=100_000))
        if group.document["GroupId"] in row.document.get("Groups", ())
    }
    holders = (row, *groups.values())
    wanted = [*(arn for holder in holders for arn in holder.document["Attached"]), row.document.get("Boundary")]
    found = [resources.find_by_arn(tx, arn) for arn in wanted if arn]
    texts = {policy.arn: policy.document["Text"] for policy in found if policy is not None}
    return _role_policies(row, texts) if row.kind == ROLE else _user_policies(row, groups, texts)


def new_role(
    role_id: str,
    trust: Mapping[str, Any],
    *,
    path: str = "/",
    description: str | None = None,
    duration: int = 3600,
) -> dict[str, Any]:
    """The document of a new role; `trust` must have been checked."""
    return {
        "RoleId": role_id,
        "Path": path,
        "Trust": trust,
        "Description": description,
        "MaxSessionDuration": duration,
        "Inline": {},
        "Attached": [],
        "Tags": {},
    }


def tags_of(tx: Transaction, arn: str) -> Mapping[str, str]:
    """Tags of a user, role, policy or instance profile, which lie in its document."""
    row = resources.find_by_arn(tx, arn)
    return row.document.get("Tags", {}) if row is not None and row.kind in (ROLE, USER, POLICY, PROFILE) else {}


def exists(tx: Transaction, arn: str) -> bool:
    """Whether there is such a user or role."""
    row = resources.find_by_arn(tx, arn)
    return row is not None and row.kind in (ROLE, USER)


def policy_text(tx: Transaction, account: str, policy_arn: str) -> str | None:
    """A managed policy of the account or of AWS; None when there is no such policy."""
    policy = resources.find_by_arn(tx, policy_arn)
    if policy is None or policy.kind != POLICY or policy.account not in {account, AWS}:
        return None
    text: str = policy.document["Text"]
    return text


def _role_policies(role: Resource, texts: Mapping[str, str]) -> PrincipalPolicies:
    return _policies(role, role.document["RoleId"], (role,), texts)


def _user_policies(user: Resource, groups: Mapping[str, Resource], texts: Mapping[str, str]) -> PrincipalPolicies:
    """A user's own policies, then those of its groups."""
    holders = (user, *(groups[group] for group in user.document["Groups"] if group in groups))
    return _policies(user, user.document["UserId"], holders, texts)


def _policies(
    row: Resource, principal_id: str, holders: Sequence[Resource], texts: Mapping[str, str]
) -> PrincipalPolicies:
    documents = []
    for holder in holders:
        attached = [texts[arn] for arn in holder.document["Attached"] if arn in texts]
        documents += [_parsed(text) for text in (*holder.document["Inline"].values(), *attached)]
    boundary: str = row.document.get("Boundary") or ""
    return PrincipalPolicies(
        arn=row.arn,
        account=row.account,
        principal_id=principal_id,
        policies=tuple(documents),
        # A boundary that cannot be found must not open what it was there to close.
        boundary=_parsed(texts.get(boundary, _NOTHING)) if boundary else None,
        tags=row.document["Tags"],
    )


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Mapping[str, Any]:
    """The same dict for the same text, which access/statements then compiles only once. Never changed."""
    document: Mapping[str, Any] = json.loads(text)
    return document
