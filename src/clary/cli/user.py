"""`clary user add|list`: people and programs with keys of their own, and ready-made policies."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer

from clary.base.errors import ConfigurationError
from clary.base.installation import load_installation
from clary.base.settings import load_settings
from clary.cli.client import client
from clary.cli.credentials import write_credentials
from clary.cli.options import DataOption

user = typer.Typer(help="Users of an account.", no_args_is_help=True)

READY_MADE = {
    "admin": "AdministratorAccess",
    "data-scientist": "ClaryDataScientist",
    "invoke-only": "ClaryInvokeOnly",
    "auditor": "ClaryAuditor",
}
"""Short names of managed policies that suit a kind of user."""

AccountOption = Annotated[
    str | None, typer.Option("--account", help="Number of the account.", show_default="the installation's own")
]


@user.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the user.")],
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", help=f"{', '.join(READY_MADE)}, or the ARN of a policy; may be repeated."),
    ] = None,
    account: AccountOption = None,
    data: DataOption = None,
) -> None:
    """Make a user with an access key; without a policy it may do nothing yet."""
    settings = load_settings(data=data)
    arns = [_policy_arn(text) for text in policy or []]
    iam = client(settings, "iam", account=account)
    try:
        made = iam.create_user(UserName=name)["User"]
        for arn in arns:
            iam.attach_user_policy(UserName=name, PolicyArn=arn)
        key = iam.create_access_key(UserName=name)["AccessKey"]
    except (iam.exceptions.EntityAlreadyExistsException, iam.exceptions.NoSuchEntityException) as error:
        raise ConfigurationError(error.response["Error"]["Message"]) from error
    number = account or load_installation(settings).account
    path = write_credentials(settings.layout, f"user-{number}-{name}", key["AccessKeyId"], key["SecretAccessKey"])
    typer.echo(made["Arn"])
    typer.echo(f"its access key was written to {path} (readable by the owner of the data folder)")
    typer.echo(f"export AWS_SHARED_CREDENTIALS_FILE={shlex.quote(str(path))}")


@user.command("list")
def list_users(account: AccountOption = None, data: DataOption = None) -> None:
    """All users of an account, with their policies and groups."""
    iam = client(load_settings(data=data), "iam", account=account)
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["User"])
    for found in (found for page in pages for found in page["UserDetailList"]):
        typer.echo(f"{found['UserName']:24}  {', '.join(_rights(found)) or 'no rights'}")


def _rights(found: dict[str, Any]) -> list[str]:
    attached = [policy["PolicyName"] for policy in found["AttachedManagedPolicies"]]
    inline = [policy["PolicyName"] for policy in found.get("UserPolicyList", [])]
    return [*attached, *inline, *(f"group {name}" for name in found["GroupList"])]


def _policy_arn(text: str) -> str:
    if text.startswith("arn:"):
        return text
    if text not in READY_MADE:
        raise ConfigurationError(f"{text!r} is no policy: use {', '.join(READY_MADE)}, or an ARN.")
    return f"arn:aws:iam::aws:policy/{READY_MADE[text]}"
