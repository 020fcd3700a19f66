"""Passing a role to a service: one rule for all of them. Each service words its own refusal."""

from __future__ import annotations

from clary.access.evaluation import AccessRequest, PolicySet, evaluate_trust
from clary.access.principals import service_principal
from clary.services.context import Context
from clary.store import principals, resources
from clary.store.database import Transaction


def may_be_assumed(context: Context, tx: Transaction, role_arn: str, service: str) -> bool:
    """Whether the role exists in the caller's account and trusts `service` (`lambda.amazonaws.com` ...).

    Raises AccessDenied when the caller may not pass it (iam:PassRole).
    """
    context.authorize("iam:PassRole", role_arn, {"iam:passedtoservice": service})
    role = resources.find_by_arn(tx, role_arn)
    if role is None or role.kind != principals.ROLE or role.account != context.account:
        return False
    asked = AccessRequest(service_principal(service, context.account), "sts:AssumeRole", role.arn, {})
    return evaluate_trust(asked, PolicySet(resource=(role.document["Trust"],))).allowed
