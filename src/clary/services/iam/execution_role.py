"""What every installation has from the start: the managed policies and an execution role for SageMaker."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from clary.base.installation import EXECUTION_ROLE, Installation
from clary.services.iam.entities import role_arn
from clary.services.iam.managed import MANAGED
from clary.services.iam.policies import new_policy
from clary.services.iam.policy_versions import with_version
from clary.services.iam.roles import new_role
from clary.store import principals, resources
from clary.store.database import Database, Transaction
from clary.store.principals import AWS

_POLICY_ARN = "arn:aws:iam::aws:policy/"


def ensure_execution_role(database: Database, installation: Installation, now: datetime) -> None:
    """Make what is missing; what is there is left as the user made it."""
    with database.write() as tx:
        for name, document in MANAGED.items():
            _ensure_policy(tx, name, json.dumps(document), now)
        account = installation.account
        if resources.find(tx, account, "", principals.ROLE, EXECUTION_ROLE) is None:
            document = new_role(_trust(installation), description="Execution role made at the first start")
            resources.create(
                tx,
                account=account,
                region="",
                kind=principals.ROLE,
                name=EXECUTION_ROLE,
                arn=role_arn(account, "/", EXECUTION_ROLE),
                document={
                    **document,
                    "Attached": [f"{_POLICY_ARN}AmazonSageMakerFullAccess"],
                    "Inline": {"ReleaseLoop": json.dumps(_release_loop(account))},
                },
                now=now,
            )


def _ensure_policy(tx: Transaction, name: str, text: str, now: datetime) -> None:
    found = resources.find(tx, AWS, "", principals.POLICY, name)
    if found is None:
        resources.create(
            tx,
            account=AWS,
            region="",
            kind=principals.POLICY,
            name=name,
            arn=f"{_POLICY_ARN}{name}",
            document=new_policy(text, now),
            now=now,
        )
    elif found.document["Text"] != text:
        resources.save(tx, found, document=with_version(found.document, text, now, default=True), now=now)


def _trust(installation: Installation) -> str:
    """The services of the release loop may use it, and the account's own people may take it."""
    services = [f"{name}.amazonaws.com" for name in ("sagemaker", "lambda", "events", "scheduler")]
    statements = [
        {"Effect": "Allow", "Principal": {who: what}, "Action": "sts:AssumeRole"}
        for who, what in (("Service", services), ("AWS", installation.root_arn))
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _release_loop(account: str) -> dict[str, Any]:
    """What pipelines, their functions and rules need beyond SageMaker's own policy; people who want less per role
    make their own roles."""
    services = ("events", "lambda", "logs", "s3", "scheduler", "sns", "sqs", "ssm")
    own_role = role_arn(account, "/", EXECUTION_ROLE)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": [f"{service}:*" for service in services], "Resource": "*"},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": own_role},
        ],
    }
