"""GetFederationToken: what both the user and the session's policies allow, and nothing without the latter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clary.access.callers import Caller, identify
from clary.access.evaluation import PolicySet
from clary.access.principals import principal_keys, user_principal
from clary.access.sessions import InvalidClientTokenId
from clary.base.errors import AccessDenied
from clary.services import iam, sts
from clary.services.context import Context
from clary.store import principals
from tests.access.documents import allow, deny, policy, text_of
from tests.services.calling import ACCOUNT, NOW, Client, Permissions

BOB = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
OBJECT = "arn:aws:s3:::bucket/key"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


@pytest.fixture
def root(context: Context, permissions: Permissions) -> Client:
    return Client("sts", sts.OPERATIONS, context, permissions)


@pytest.fixture
def alice(root: Client, permissions: Permissions) -> Client:
    """A user who may do all that begins with s3:Get, PassRole, and all of IAM and STS."""
    admin = Client("iam", iam.OPERATIONS, root.context, permissions)
    user = admin("CreateUser", UserName="alice")["User"]
    allowed = policy(allow(["s3:Get*", "iam:*", "sts:*"]), deny("s3:GetBucketPolicy"))
    admin("PutUserPolicy", UserName="alice", PolicyName="own", PolicyDocument=text_of(allowed))
    return root.at(principal=user_principal(user["Arn"], user["UserId"]))


def federated(client: Client, *statements: dict[str, Any], **more: Any) -> tuple[dict[str, Any], Caller]:
    """The answer, and the caller as a door sees it that gets a request with these credentials."""
    if statements:
        more["Policy"] = text_of(policy(*statements))
    answer = client("GetFederationToken", Name="bob", **more)
    given, context = answer["Credentials"], client.context
    with context.database.read() as tx:
        access = principals.read_access(tx, context.installation, 1)
    master_key = context.installation.master_key
    return answer, identify(access, master_key, given["AccessKeyId"], given["SessionToken"], NOW)


def test_who_it_is(alice: Client) -> None:
    answer, who = federated(alice)
    assert answer["FederatedUser"] == {"Arn": BOB, "FederatedUserId": f"{ACCOUNT}:bob"}
    keys = principal_keys(who.principal)
    assert (keys["aws:principaltype"], keys["aws:principalarn"]) == ("FederatedUser", BOB)
    assert "aws:username" not in keys
    told = alice.at(principal=who.principal)("GetCallerIdentity")
    assert told == {"Account": ACCOUNT, "Arn": BOB, "UserId": f"{ACCOUNT}:bob"}
    assert answer["Credentials"]["Expiration"] == NOW.replace(microsecond=0) + timedelta(hours=12)
    assert alice.permissions.asked[-1] == ("sts:GetFederationToken", BOB, {})


def test_both_must_allow(alice: Client) -> None:
    _, who = federated(alice, allow(["s3:GetObject", "s3:PutObject", "s3:GetBucketPolicy", "iam:*", "sts:*"]))
    assert who.may("s3:GetObject", OBJECT).allowed
    assert who.may("iam:PassRole", ROLE).allowed, "it is asked for by operations of others"
    for action in ("s3:PutObject", "s3:GetObjectAcl", "s3:GetBucketPolicy"):
        assert not who.may(action, OBJECT).allowed, action
    for action in ("iam:GetRole", "iam:PutRolePolicy", "iam:CreateUser", "sts:AssumeRole"):
        assert not who.may(action, ROLE).allowed, action


def test_nothing_without_a_policy_of_the_session(alice: Client) -> None:
    _, who = federated(alice)
    assert not who.may("s3:GetObject", OBJECT).allowed
    direct = policy(allow("s3:GetObject") | {"Principal": {"AWS": BOB}})
    assert who.may("s3:GetObject", OBJECT, resource_policies=[direct]).allowed
    vouching = policy(allow("s3:GetObject") | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}})
    assert not who.may("s3:GetObject", OBJECT, resource_policies=[vouching]).allowed


def test_root_may_vouch_for_an_hour(root: Client) -> None:
    answer, who = federated(root, allow("s3:*"))
    assert answer["Credentials"]["Expiration"] == NOW.replace(microsecond=0) + timedelta(hours=1)
    assert who.may("s3:PutObject", OBJECT).allowed
    assert not who.may("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q").allowed
    assert not who.may("iam:GetRole", ROLE).allowed


def test_it_ends_with_the_user(alice: Client, permissions: Permissions) -> None:
    answer, _ = federated(alice, allow("s3:*"))
    admin = Client("iam", iam.OPERATIONS, alice.context, permissions)
    admin("DeleteUserPolicy", UserName="alice", PolicyName="own")
    admin("DeleteUser", UserName="alice")
    given, context = answer["Credentials"], alice.context
    with context.database.read() as tx:
        access = principals.read_access(tx, context.installation, 1)
    with pytest.raises(InvalidClientTokenId, match="security token included in the request is invalid"):
        identify(access, context.installation.master_key, given["AccessKeyId"], given["SessionToken"], NOW)


def test_sessions_vouch_for_nobody(alice: Client) -> None:
    _, who = federated(alice, allow("*"))
    for operation, named in (("GetFederationToken", {"Name": "eve"}), ("GetSessionToken", {})):
        client = alice.at(principal=who.principal, policies=PolicySet(), condition_keys=who.keys)
        client.fails(operation, "AccessDeniedException", **named)
    session = alice.at(condition_keys={"aws:tokenissuetime": "2026-03-04T05:06:07Z"})
    session.fails("GetFederationToken", "AccessDeniedException", Name="bob")


def test_tags_need_a_permission(alice: Client, permissions: Permissions) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    _, who = federated(alice, allow("s3:*"), Tags=tags)
    assert who.keys["aws:principaltag/team"] == "a"
    permissions.denied.append("sts:TagSession *")
    with pytest.raises(AccessDenied):
        federated(alice, Tags=tags)
    alice.fails("GetFederationToken", "MalformedPolicyDocument", Name="bob", Policy="{")
