"""The roles that an account has from its first moment. Used by iam (the first account) and organizations (others)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from clary.access.documents import parse_trust_policy
from clary.base import ids
from clary.base.installation import EXECUTION_ROLE
from clary.store import principals, resources
from clary.store.database import Transaction

_AWS_POLICY = "arn:aws:iam::aws:policy/"


def ensure_execution_role(tx: Transaction, account: str, now: datetime) -> None:
    """Make the execution role when it is missing; one that is there is left as the user made it."""
    services = [f"{name}.amazonaws.com" for name in ("sagemaker", "lambda", "events", "scheduler")]
    trust = _trust({"Service": services}, {"AWS": _root(account)})
    details = {
        "Attached": [f"{_AWS_POLICY}AmazonSageMakerFullAccess"],
        "Inline": {"ReleaseLoop": json.dumps(_release_loop(account))},
    }
    _ensure_role(tx, account, EXECUTION_ROLE, trust, "Execution role made at the first start", details, now)


def ensure_access_role(tx: Transaction, account: str, owner: str, name: str, now: datetime) -> None:
    """The role in which administrators of the account `owner` enter a new account."""
    details = {"Attached": [f"{_AWS_POLICY}AdministratorAccess"]}
    _ensure_role(tx, account, name, _trust({"AWS": _root(owner)}), "For the owner of the installation", details, now)


def _ensure_role(
    tx: Transaction,
    account: str,
    name: str,
    trust: dict[str, Any],
    description: str,
    details: dict[str, Any],
    now: datetime,
) -> None:
    if resources.find(tx, account, "", principals.ROLE, name) is not None:
        return
    document = principals.new_role(ids.access_key_id("AROA"), trust, description=description)
    resources.create(
        tx,
        account=account,
        region="",
        kind=principals.ROLE,
        name=name,
        arn=_role_arn(account, name),
        document={**document, **details},
        now=now,
    )


def _trust(*who: dict[str, Any]) -> dict[str, Any]:
    statements = [{"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole"} for one in who]
    return parse_trust_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}))


def _release_loop(account: str) -> dict[str, Any]:
    """What pipelines, their functions and rules need beyond SageMaker's own policy; people who want less per role
    make their own roles."""
    services = ("events", "lambda", "logs", "s3", "scheduler", "sns", "sqs", "ssm")
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": [f"{service}:*" for service in services], "Resource": "*"},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": _role_arn(account, EXECUTION_ROLE)},
        ],
    }


def _root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def _role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"
