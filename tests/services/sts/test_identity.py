"""GetCallerIdentity and GetSessionToken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clary.access.callers import identify
from clary.access.evaluation import PolicySet
from clary.access.principals import role_session, user_principal
from clary.access.sessions import open_session
from clary.services import iam, sts
from clary.services.context import Context
from clary.store import principals
from tests.services.calling import ACCOUNT, NOW, Client, Permissions

ALICE = user_principal(f"arn:aws:iam::{ACCOUNT}:user/alice", "AIDAALICE00000000000")
SESSION = role_session(f"arn:aws:iam::{ACCOUNT}:role/r", "AROAR000000000000000", "s")


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    return Client("sts", sts.OPERATIONS, context, permissions)


def test_root(client: Client) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:root"
    assert client("GetCallerIdentity") == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": arn}
    assert client.permissions.asked == []


def test_sessions_and_users(client: Client) -> None:
    session = client.at(principal=SESSION)("GetCallerIdentity")
    assert session["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
    assert session["UserId"] == "AROAR000000000000000:s"
    user = client.at(principal=ALICE)("GetCallerIdentity")
    assert (user["Arn"], user["UserId"]) == (ALICE.arn, ALICE.principal_id)


@pytest.mark.parametrize(("request_", "seconds"), [({}, 3600), ({"DurationSeconds": 900}, 900)])
def test_session_token_of_root(client: Client, request_: dict[str, Any], seconds: int) -> None:
    given = client("GetSessionToken", **request_)["Credentials"]
    assert given["Expiration"] == NOW.replace(microsecond=0) + timedelta(seconds=seconds)
    installation = client.context.installation
    with client.context.database.read() as tx:
        access = principals.read_access(tx, installation, 1)
    who = identify(access, installation.master_key, given["AccessKeyId"], given["SessionToken"], NOW)
    assert who.principal == client.context.principal
    assert who.may("iam:DeleteRole", f"arn:aws:iam::{ACCOUNT}:role/r").allowed
    again = client.at(principal=who.principal, condition_keys=who.keys, policies=PolicySet())
    again.fails("GetSessionToken", "AccessDeniedException")


def test_session_token_of_a_user(client: Client) -> None:
    given = client.at(principal=ALICE)("GetSessionToken")["Credentials"]
    master_key = client.context.installation.master_key
    session = open_session(master_key, given["AccessKeyId"], given["SessionToken"], NOW)
    assert session.principal == ALICE
    assert session.expires_at - session.issued_at == timedelta(hours=12)


def test_sessions_of_roles_get_none(client: Client) -> None:
    client.at(principal=SESSION).fails("GetSessionToken", "AccessDeniedException")


@pytest.mark.parametrize("member", ["SerialNumber", "TokenCode"])
def test_what_is_not_served_is_said(client: Client, member: str) -> None:
    client.fails("GetSessionToken", "NotImplemented", **{member: "123456"})


def test_whose_key_it_is(client: Client, context: Context, permissions: Permissions) -> None:
    admin = Client("iam", iam.OPERATIONS, context, permissions)
    admin("CreateUser", UserName="bob")
    key_id = admin("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    for known in (key_id, context.installation.access_key_id):
        assert client("GetAccessKeyInfo", AccessKeyId=known) == {"Account": ACCOUNT}
    client.fails("GetAccessKeyInfo", "ValidationError", AccessKeyId="AKIAIOSFODNN7UNKNOWN")
