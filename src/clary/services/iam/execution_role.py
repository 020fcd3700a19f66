"""What every installation has from the start: the managed policies and an execution role for SageMaker."""

from __future__ import annotations

import json
from datetime import datetime

from clary.base.installation import Installation
from clary.services import account_roles
from clary.services.iam.managed import MANAGED
from clary.services.iam.policies import new_policy
from clary.services.iam.policy_versions import with_version
from clary.store import principals, resources
from clary.store.database import Database, Transaction
from clary.store.principals import AWS

_POLICY_ARN = "arn:aws:iam::aws:policy/"


def ensure_execution_role(database: Database, installation: Installation, now: datetime) -> None:
    """Make what is missing; what is there is left as the user made it."""
    with database.write() as tx:
        for name, document in MANAGED.items():
            _ensure_policy(tx, name, json.dumps(document), now)
        account_roles.ensure_execution_role(tx, installation.account, now)


def _ensure_policy(tx: Transaction, place: str, text: str, now: datetime) -> None:
    """`place`: what the ARN has behind `policy/`."""
    path, _, name = f"/{place}".rpartition("/")
    found = resources.find(tx, AWS, "", principals.POLICY, name)
    if found is None:
        resources.create(
            tx,
            account=AWS,
            region="",
            kind=principals.POLICY,
            name=name,
            arn=f"{_POLICY_ARN}{place}",
            document=new_policy(text, now, path=f"{path}/"),
            now=now,
        )
    elif found.document["Text"] != text:
        resources.save(tx, found, document=with_version(found.document, text, now, default=True), now=now)
