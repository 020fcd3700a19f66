"""Passing an execution role to Lambda, with its words of refusal."""

from __future__ import annotations

from clary.services.context import Context
from clary.services.lambda_functions.names import invalid
from clary.services.passed_roles import may_be_assumed
from clary.store.database import Transaction

SERVICE = "lambda.amazonaws.com"


def check_role(context: Context, tx: Transaction, role_arn: str) -> None:
    if not may_be_assumed(context, tx, role_arn, SERVICE):
        raise invalid(
            f"The role defined for the function cannot be assumed by Lambda. ({role_arn} must exist in account "
            f"{context.account} and allow {SERVICE} to assume it.)"
        )
