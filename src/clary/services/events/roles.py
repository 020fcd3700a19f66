"""Passing a role to EventBridge (or its Scheduler): the caller may, the role exists and trusts the service."""

from __future__ import annotations

from clary.access.evaluation import AccessRequest, PolicySet, evaluate_trust
from clary.access.principals import service_principal
from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.store import principals, resources
from clary.store.database import Transaction

SERVICE = "events.amazonaws.com"


def check_role(context: Context, tx: Transaction, role_arn: str) -> None:
    context.authorize("iam:PassRole", role_arn, {"iam:passedtoservice": SERVICE})
    role = resources.find_by_arn(tx, role_arn)
    asked = AccessRequest(service_principal(SERVICE, context.account), "sts:AssumeRole", role_arn, {})
    if (
        role is None
        or role.kind != principals.ROLE
        or role.account != context.account
        or not evaluate_trust(asked, PolicySet(resource=(role.document["Trust"],))).allowed
    ):
        raise ValidationException(f"Provided role '{role_arn}' cannot be assumed by principal '{SERVICE}'.")
