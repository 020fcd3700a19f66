"""Passing an execution role to SageMaker, with its words of refusal."""

from __future__ import annotations

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.passed_roles import may_be_assumed
from clary.store.database import Transaction

SERVICE = "sagemaker.amazonaws.com"


def check_role(context: Context, tx: Transaction, role_arn: str) -> None:
    if not may_be_assumed(context, tx, role_arn, SERVICE):
        raise ValidationException(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{SERVICE}' to assume the role. (This installation is account {context.account}.)"
        )
