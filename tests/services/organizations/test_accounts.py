"""Accounts of one installation, and what their owners' keys open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clary.access.callers import Caller, identify
from clary.access.sessions import InvalidClientTokenId
from clary.services import organizations
from clary.services.context import Context
from clary.store import principals
from tests.services.calling import ACCOUNT, NOW, Client, Permissions


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    return Client("organizations", organizations.OPERATIONS, context, permissions)


def create(client: Client, name: str) -> str:
    status = client("CreateAccount", AccountName=name, Email=f"{name}@example.invalid")["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED"
    assert client("DescribeCreateAccountStatus", CreateAccountRequestId=status["Id"])["CreateAccountStatus"] == status
    number: str = status["AccountId"]
    return number


def owner(context: Context, account: str) -> Caller:
    with context.database.read() as tx:
        access = principals.read_access(tx, context.installation, 0)
    key_id, secret = context.installation.root_key(account)
    caller = identify(access, context.installation.master_key, key_id, None, NOW)
    assert caller.secret == secret
    return caller


def test_an_account_has_an_owner_and_roles(client: Client, context: Context) -> None:
    number = create(client, "research")
    found = owner(context, number)
    assert found.principal.arn == f"arn:aws:iam::{number}:root"
    assert owner(context, ACCOUNT).principal.account == ACCOUNT
    with context.database.read() as tx:
        execution = principals.policies_of(tx, f"arn:aws:iam::{number}:role/ClaryExecutionRole")
        access = principals.policies_of(tx, f"arn:aws:iam::{number}:role/OrganizationAccountAccessRole")
    assert execution is not None
    assert access is not None
    assert execution.account == access.account == number


def test_accounts_are_listed_in_pages(client: Client) -> None:
    numbers = [create(client, name) for name in ("a", "b", "c")]
    first = client("ListAccounts", MaxResults=2)
    assert [account["Id"] for account in first["Accounts"]] == [ACCOUNT, *numbers[:2]]
    rest = client("ListAccounts", MaxResults=2, NextToken=first["NextToken"])
    assert [account["Id"] for account in rest["Accounts"]] == numbers[2:]
    assert "NextToken" not in rest
    assert client("DescribeAccount", AccountId=numbers[1])["Account"] == first["Accounts"][2]
    assert client("DescribeAccount", AccountId=ACCOUNT)["Account"]["Name"] == "main"


def test_a_closed_account_opens_nothing(client: Client, context: Context) -> None:
    number = create(client, "research")
    client("CloseAccount", AccountId=number)
    with pytest.raises(InvalidClientTokenId):
        owner(context, number)
    with context.database.read() as tx:
        access = principals.read_access(tx, context.installation, 0)
    assert {principal.account for principal in access.principals.values()} == {ACCOUNT}
    assert client("DescribeAccount", AccountId=number)["Account"]["Status"] == "SUSPENDED"
    client.fails("CloseAccount", "AccountAlreadyClosedException", AccountId=number)


def test_what_is_refused(client: Client, context: Context) -> None:
    create(client, "research")
    again = client("CreateAccount", AccountName="other", Email="Research@example.invalid")["CreateAccountStatus"]
    assert (again["State"], again["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    client.fails("DescribeAccount", "AccountNotFoundException", AccountId="999999999999")
    client.fails("CloseAccount", "ConstraintViolationException", AccountId=ACCOUNT)
    client.fails("CloseAccount", "AccountNotFoundException", AccountId="999999999999")
    client.fails(
        "DescribeCreateAccountStatus", "CreateAccountStatusNotFoundException", CreateAccountRequestId="car-1"
    )
    member = client.at(account="444455556666", installation=replace(context.installation))
    for name, request in (
        ("ListAccounts", {}),
        ("CreateAccount", {"AccountName": "x", "Email": "x@example.invalid"}),
        ("CloseAccount", {"AccountId": ACCOUNT}),
    ):
        member.fails(name, "AccessDeniedException", **request)
    assert member("DescribeOrganization")["Organization"]["MasterAccountId"] == ACCOUNT
