"""Passing an execution role to Lambda: the caller must be allowed to, and Lambda must be trusted by it."""

from __future__ import annotations

from clary.access.evaluation import AccessRequest, PolicySet, evaluate_trust
from clary.access.principals import service_principal
from clary.services.context import Context
from clary.services.lambda_functions.names import invalid
from clary.store import principals, resources
from clary.store.database import Transaction
from clary.store.resources import Resource

SERVICE = "lambda.amazonaws.com"


def check_role(context: Context, tx: Transaction, role_arn: str) -> None:
    """iam:PassRole for the caller, and the role exists in the caller's account and trusts Lambda."""
    context.authorize("iam:PassRole", role_arn, {"iam:passedtoservice": SERVICE})
    role = resources.find_by_arn(tx, role_arn)
    if role is None or role.kind != principals.ROLE or not _trusts_lambda(context, role):
        raise invalid(
            f"The role defined for the function cannot be assumed by Lambda. ({role_arn} must exist in account "
            f"{context.account} and allow {SERVICE} to assume it.)"
        )


def _trusts_lambda(context: Context, role: Resource) -> bool:
    asked = AccessRequest(service_principal(SERVICE, context.account), "sts:AssumeRole", role.arn, {})
    return (
        role.account == context.account
        and evaluate_trust(asked, PolicySet(resource=(role.document["Trust"],))).allowed
    )
