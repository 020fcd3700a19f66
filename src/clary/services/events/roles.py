"""Passing a role to EventBridge, with its words of refusal."""

from __future__ import annotations

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.passed_roles import may_be_assumed
from clary.store.database import Transaction

SERVICE = "events.amazonaws.com"


def check_role(context: Context, tx: Transaction, role_arn: str) -> None:
    if not may_be_assumed(context, tx, role_arn, SERVICE):
        raise ValidationException(f"Provided role '{role_arn}' cannot be assumed by principal '{SERVICE}'.")
