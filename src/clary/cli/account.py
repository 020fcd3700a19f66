"""`clary account add|list|close`: several accounts in one installation, kept apart as on AWS."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any

import typer

from clary.base.errors import ConfigurationError
from clary.base.installation import load_installation
from clary.base.settings import load_settings
from clary.cli.client import client
from clary.cli.credentials import write_credentials
from clary.cli.options import DataOption

account = typer.Typer(help="Accounts of this installation.", no_args_is_help=True)

_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,38}[a-zA-Z0-9])?")


@account.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Letters, digits and hyphens; unique in this installation.")],
    data: DataOption = None,
) -> None:
    """Make an account; prints its number and where the credentials of its owner are."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no name for an account: use up to 40 letters, digits and hyphens.")
    settings = load_settings(data=data)
    status = client(settings, "organizations").create_account(AccountName=name, Email=_email(name))
    made = status["CreateAccountStatus"]
    if made["State"] != "SUCCEEDED":
        raise ConfigurationError(f"The account was not made: {made['FailureReason']}.")
    key_id, secret = load_installation(settings).root_key(made["AccountId"])
    path = write_credentials(settings.layout, f"account-{name}", key_id, secret)
    typer.echo(f"{made['AccountId']}  {name}")
    typer.echo(f"credentials of its owner: {path}")
    typer.echo(f"export AWS_SHARED_CREDENTIALS_FILE={shlex.quote(str(path))}")


@account.command("list")
def list_accounts(data: DataOption = None) -> None:
    """All accounts: number, state, name."""
    for found in _accounts(client(load_settings(data=data), "organizations")):
        typer.echo(f"{found['Id']}  {found['Status'].lower():9}  {found['Name']}")


@account.command("close")
def close(
    number: Annotated[str, typer.Argument(help="The account's number.")],
    data: DataOption = None,
) -> None:
    """From now on nobody may use the account; what it owns stays on the disk."""
    organizations = client(load_settings(data=data), "organizations")
    if number not in {found["Id"] for found in _accounts(organizations)}:
        raise ConfigurationError(f"There is no account {number}; see `clary account list`.")
    organizations.close_account(AccountId=number)
    typer.echo(f"{number}  closed")


def _accounts(organizations: Any) -> list[dict[str, Any]]:
    pages = organizations.get_paginator("list_accounts").paginate()
    return [found for page in pages for found in page["Accounts"]]


def _email(name: str) -> str:
    """Accounts are told apart by mail addresses; this one leads nowhere."""
    return f"{name.lower()}@accounts.invalid"
