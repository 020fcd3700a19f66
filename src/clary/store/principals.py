"""Who may do what, as read from the rows of IAM: for the doors' snapshot and for checks of roles.

Rows are written by services/iam. A role's document holds `RoleId`, `Trust` (document), `Inline` (name -> text),
`Attached` (policy ARNs), `Tags` and perhaps `Boundary` (a policy ARN); a policy's holds `Text`, its default version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from clary.base.installation import Installation
from clary.base.snapshots import Access, AccessKey, PrincipalPolicies
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

ROLE = "iam-role"
POLICY = "iam-policy"
AWS = "aws"
"""Account of the policies that exist from the start under AWS's names."""

_NOTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'


def read_access(tx: Transaction, installation: Installation, number: int) -> Access:
    """Every key and principal of the installation. Session keys prove themselves and are not listed."""
    texts = {row.arn: row.document["Text"] for row in resources.all_of_kind(tx, POLICY)}
    roles = [_role_policies(role, texts) for role in resources.all_of_kind(tx, ROLE)]
    root = PrincipalPolicies(installation.root_arn, installation.account, installation.account, root=True)
    key = AccessKey(installation.secret_access_key, installation.root_arn, installation.account)
    return Access(
        number=number,
        keys={installation.access_key_id: key},
        principals={principal.arn: principal for principal in (root, *roles)},
    )


def policies_of(tx: Transaction, principal_arn: str) -> PrincipalPolicies | None:
    """The policies of one role; None when there is no such role."""
    role = resources.find_by_arn(tx, principal_arn)
    if role is None or role.kind != ROLE:
        return None
    wanted = [*role.document["Attached"], role.document.get("Boundary")]
    found = [resources.find_by_arn(tx, arn) for arn in wanted if arn]
    return _role_policies(role, {row.arn: row.document["Text"] for row in found if row is not None})


def policy_text(tx: Transaction, account: str, policy_arn: str) -> str | None:
    """A managed policy of the account or of AWS; None when there is no such policy."""
    policy = resources.find_by_arn(tx, policy_arn)
    if policy is None or policy.kind != POLICY or policy.account not in {account, AWS}:
        return None
    text: str = policy.document["Text"]
    return text


def _role_policies(role: Resource, texts: Mapping[str, str]) -> PrincipalPolicies:
    attached = [texts[arn] for arn in role.document["Attached"] if arn in texts]
    documents = [_parsed(text) for text in (*role.document["Inline"].values(), *attached)]
    boundary: str = role.document.get("Boundary") or ""
    return PrincipalPolicies(
        arn=role.arn,
        account=role.account,
        principal_id=role.document["RoleId"],
        policies=tuple(documents),
        # A boundary that cannot be found must not open what it was there to close.
        boundary=_parsed(texts.get(boundary, _NOTHING)) if boundary else None,
        tags=role.document["Tags"],
    )


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Mapping[str, Any]:
    """The same dict for the same text, which access/statements then compiles only once. Never changed."""
    document: Mapping[str, Any] = json.loads(text)
    return document
