"""Who may do what, as read from the rows of IAM: for the doors' snapshot and for checks of roles.

Rows are written by services/iam. A role's document holds `RoleId`, `Trust` (document), `Inline` (name -> text),
`Attached` (policy ARNs) and perhaps `Boundary` (a policy ARN); a policy's holds `Text`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clary.base.installation import Installation
from clary.base.snapshots import Access, AccessKey, PrincipalPolicies
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

ROLE = "iam-role"
POLICY = "iam-policy"


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


def _role_policies(role: Resource, texts: Mapping[str, str]) -> PrincipalPolicies:
    attached = [texts[arn] for arn in role.document["Attached"] if arn in texts]
    documents: list[Any] = [json.loads(text) for text in (*role.document["Inline"].values(), *attached)]
    boundary: str = role.document.get("Boundary") or ""
    return PrincipalPolicies(
        arn=role.arn,
        account=role.account,
        principal_id=role.document["RoleId"],
        policies=tuple(documents),
        boundary=json.loads(texts[boundary]) if boundary in texts else None,
    )
