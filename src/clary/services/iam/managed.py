"""The managed policies that exist from the start, under AWS's names and ARNs, with documents of our own.

They say what their names promise for the services that Clary has; AWS's documents list many services besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


_PASS_ROLE = {
    "Effect": "Allow",
    "Action": "iam:PassRole",
    "Resource": "arn:aws:iam::*:role/*",
    "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
}

MANAGED: Mapping[str, dict[str, Any]] = {
    "AdministratorAccess": _policy(_allow("*")),
    "AmazonSageMakerFullAccess": _policy(
        _allow("sagemaker:*", "logs:*", "iam:GetRole", "iam:ListRoles", "iam:SimulatePrincipalPolicy"),
        _allow("s3:*"),
        _PASS_ROLE,
    ),
    "AmazonSageMakerReadOnly": _policy(_allow("sagemaker:Describe*", "sagemaker:List*", "sagemaker:Get*")),
    "AmazonS3FullAccess": _policy(_allow("s3:*")),
    "AmazonS3ReadOnlyAccess": _policy(_allow("s3:Get*", "s3:List*", "s3:Head*")),
    "CloudWatchLogsFullAccess": _policy(_allow("logs:*")),
}
