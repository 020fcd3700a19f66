"""Passing an execution role to SageMaker: the caller must be allowed to, and SageMaker must be trusted by it."""

from __future__ import annotations

from clary.access.evaluation import AccessRequest, PolicySet, evaluate_trust
from clary.access.principals import service_principal
from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.store import principals, resources
from clary.store.database import Transaction
from clary.store.resources import Resource


def check_role(context: Context, tx: Transaction, role_arn: str) -> None:
    """iam:PassRole for the caller, and the role exists in the caller's account."""
    context.authorize("iam:PassRole", role_arn, {"iam:passedtoservice": "sagemaker.amazonaws.com"})
    role = resources.find_by_arn(tx, role_arn)
    if role is None or role.kind != principals.ROLE or not _trusts_sagemaker(context, role):
        raise ValidationException(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'sagemaker.amazonaws.com' to assume the role. (This installation is account {context.account}.)"
        )


def _trusts_sagemaker(context: Context, role: Resource) -> bool:
    who = service_principal("sagemaker.amazonaws.com", context.account)
    asked = AccessRequest(who, "sts:AssumeRole", role.arn, {})
    return (
        role.account == context.account
        and evaluate_trust(asked, PolicySet(resource=(role.document["Trust"],))).allowed
    )
