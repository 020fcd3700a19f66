"""The organization: all accounts of one installation, owned by its first account."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from clary.base.errors import AccessDenied
from clary.services.context import Context

DOMAIN = "accounts.invalid"
"""Of the mail address of the first account, which is asked for but never written to."""


def describe_organization(context: Context, _request: dict[str, Any]) -> dict[str, Any]:
    """Members may see it, too."""
    owner = context.installation.account
    return {
        "Organization": {
            "Id": organization_id(context),
            "Arn": f"arn:aws:organizations::{owner}:organization/{organization_id(context)}",
            "FeatureSet": "ALL",
            "MasterAccountArn": account_arn(context, owner),
            "MasterAccountId": owner,
            "MasterAccountEmail": f"owner@{DOMAIN}",
            "AvailablePolicyTypes": [],
        }
    }


def check_owner(context: Context) -> None:
    if context.account != context.installation.account:
        raise AccessDenied("You don't have permissions to access this resource.")


def organization_id(context: Context) -> str:
    return f"o-{sha256(context.installation.account.encode()).hexdigest()[:10]}"


def account_arn(context: Context, account: str) -> str:
    return f"arn:aws:organizations::{context.installation.account}:account/{organization_id(context)}/{account}"
