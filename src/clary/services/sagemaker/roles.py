"""Passing an execution role to SageMaker: the caller must be allowed to, and SageMaker must be trusted by it."""

from __future__ import annotations

from clary.base.arns import parse_arn
from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction


def check_role(context: Context, tx: Transaction, role_arn: str) -> None:
    """iam:PassRole for the caller, and the role exists in the caller's account."""
    context.authorize("iam:PassRole", role_arn, {"iam:passedtoservice": "sagemaker.amazonaws.com"})
    role = parse_arn(role_arn)
    if role.account != context.account or resources.find_by_arn(tx, role_arn) is None:
        raise ValidationException(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'sagemaker.amazonaws.com' to assume the role. (This installation is account {context.account}.)"
        )
