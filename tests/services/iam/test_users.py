"""Users, their keys, groups, and what their policies add up to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest

from clary.access.callers import Caller, identify
from clary.access.principals import user_principal
from clary.access.sessions import InvalidClientTokenId
from clary.services.context import Context
from clary.store import principals
from tests.access.documents import allow, deny, policy, text_of
from tests.services.calling import ACCOUNT, NOW, Client

S3 = text_of(policy(allow("s3:*")))
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.fixture
def alice(client: Client) -> dict[str, Any]:
    created: dict[str, Any] = client(
        "CreateUser", UserName="alice", Path="/teams/", Tags=[{"Key": "a", "Value": "b"}]
    )
    user: dict[str, Any] = created["User"]
    return user


@pytest.fixture
def key(client: Client, alice: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = client("CreateAccessKey", UserName=alice["UserName"])["AccessKey"]
    return made


def caller(context: Context, key: dict[str, Any]) -> Caller:
    """As control would find it."""
    with context.database.read() as tx:
        access = principals.read_access(tx, context.installation, 0)
    return identify(access, context.installation.master_key, key["AccessKeyId"], None, NOW)


def may(context: Context, key: dict[str, Any], action: str) -> bool:
    return caller(context, key).may(action, "*").allowed


def own_policy(client: Client, name: str, text: str = S3) -> str:
    arn: str = client("CreatePolicy", PolicyName=name, PolicyDocument=text)["Policy"]["Arn"]
    return arn


def test_a_user_is_described_as_it_was_made(client: Client, alice: dict[str, Any]) -> None:
    assert client("GetUser", UserName="ALICE")["User"] == alice
    assert alice.pop("UserId").startswith("AIDA")
    assert alice == {
        "Path": "/teams/",
        "UserName": "alice",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/teams/alice",
        "CreateDate": NOW.replace(microsecond=0),
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    client.fails("CreateUser", "EntityAlreadyExists", UserName="Alice")
    client.fails("GetUser", "NoSuchEntity", UserName="bob")


def test_getuser_of_oneself(client: Client, alice: dict[str, Any]) -> None:
    as_alice = client.at(principal=user_principal(alice["Arn"], alice["UserId"]))
    assert as_alice("GetUser")["User"] == alice
    assert as_alice("ListAccessKeys")["AccessKeyMetadata"] == []
    assert client("GetUser")["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    client.fails("ListAccessKeys", "ValidationError")


def test_users_are_listed_in_pages_and_by_path(client: Client, alice: dict[str, Any]) -> None:
    for name in ("bob", "carol"):
        client("CreateUser", UserName=name)
    page = client("ListUsers", MaxItems=2)
    assert [user["UserName"] for user in page["Users"]] == ["alice", "bob"]
    rest = client("ListUsers", MaxItems=2, Marker=page["Marker"])
    assert [user["UserName"] for user in rest["Users"]] == ["carol"]
    assert rest["IsTruncated"] is False
    assert [user["UserName"] for user in client("ListUsers", PathPrefix="/teams/")["Users"]] == ["alice"]
    assert "Tags" not in page["Users"][0]


def test_a_key_opens_as_its_owner(client: Client, context: Context, key: dict[str, Any]) -> None:
    assert len(key["SecretAccessKey"]) == 40
    found = caller(context, key)
    assert found.secret == key["SecretAccessKey"]
    assert found.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/teams/alice"
    assert found.keys["aws:principaltag/a"] == "b"
    (listed,) = client("ListAccessKeys", UserName="alice")["AccessKeyMetadata"]
    assert listed["Status"] == "Active"
    assert "SecretAccessKey" not in listed
    assert client("GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"]) == {
        "UserName": "alice",
        "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"},
    }


def test_the_database_holds_no_secret(context: Context, key: dict[str, Any]) -> None:
    with context.database.read() as tx:
        dump = "\n".join(tx.connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]  # sqlite3
    assert key["AccessKeyId"] in dump
    assert key["SecretAccessKey"] not in dump


def test_inactive_deleted_and_unknown_keys_open_nothing(
    client: Client, context: Context, key: dict[str, Any]
) -> None:
    one = {"UserName": "alice", "AccessKeyId": key["AccessKeyId"]}
    client("UpdateAccessKey", Status="Inactive", **one)
    with pytest.raises(InvalidClientTokenId):
        caller(context, key)
    client("UpdateAccessKey", Status="Active", **one)
    assert caller(context, key)
    client("DeleteAccessKey", **one)
    with pytest.raises(InvalidClientTokenId):
        caller(context, key)
    client.fails("DeleteAccessKey", "NoSuchEntity", **one)
    client.fails("GetAccessKeyLastUsed", "NoSuchEntity", AccessKeyId=key["AccessKeyId"])


def test_two_keys_at_most(client: Client, key: dict[str, Any]) -> None:
    second = client("CreateAccessKey", UserName="alice")["AccessKey"]
    assert second["SecretAccessKey"] != key["SecretAccessKey"]
    client.fails("CreateAccessKey", "LimitExceeded", UserName="alice")


def test_a_key_is_only_its_owners(client: Client, key: dict[str, Any]) -> None:
    client("CreateUser", UserName="bob")
    client.fails("DeleteAccessKey", "NoSuchEntity", UserName="bob", AccessKeyId=key["AccessKeyId"])


def test_policies_of_user_and_groups_add_up(client: Client, context: Context, key: dict[str, Any]) -> None:
    assert not may(context, key, "s3:GetObject")
    client("AttachUserPolicy", UserName="alice", PolicyArn=own_policy(client, "All"))
    assert may(context, key, "s3:PutObject")
    client("CreateGroup", GroupName="readers")
    client("PutGroupPolicy", GroupName="readers", PolicyName="p", PolicyDocument=text_of(policy(allow("sqs:*"))))
    assert not may(context, key, "sqs:SendMessage")
    client("AddUserToGroup", GroupName="readers", UserName="alice")
    assert may(context, key, "sqs:SendMessage")
    no_s3 = text_of(policy(deny("s3:PutObject")))
    client("AttachGroupPolicy", GroupName="readers", PolicyArn=own_policy(client, "NoPut", no_s3))
    assert not may(context, key, "s3:PutObject")
    assert may(context, key, "s3:GetObject")
    client("RemoveUserFromGroup", GroupName="readers", UserName="alice")
    assert may(context, key, "s3:PutObject")


def test_a_boundary_limits_a_user(client: Client, context: Context, key: dict[str, Any]) -> None:
    client("PutUserPolicy", UserName="alice", PolicyName="all", PolicyDocument=text_of(policy(allow("*"))))
    arn = own_policy(client, "Limit")
    client("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=arn)
    assert may(context, key, "s3:GetObject")
    assert not may(context, key, "sagemaker:ListModels")
    assert client("GetUser", UserName="alice")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    found = client("ListEntitiesForPolicy", PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert [user["UserName"] for user in found["PolicyUsers"]] == ["alice"]
    client.fails("DeletePolicy", "DeleteConflict", PolicyArn=arn)
    client("DeleteUserPermissionsBoundary", UserName="alice")
    assert may(context, key, "sagemaker:ListModels")


def test_groups_and_their_members(client: Client, alice: dict[str, Any]) -> None:
    for name in ("readers", "writers"):
        client("CreateGroup", GroupName=name)
        client("AddUserToGroup", GroupName=name, UserName="alice")
    names = [group["GroupName"] for group in client("ListGroupsForUser", UserName="alice")["Groups"]]
    assert names == ["readers", "writers"]
    assert [user["UserName"] for user in client("GetGroup", GroupName="readers")["Users"]] == ["alice"]
    client("UpdateGroup", GroupName="readers", NewGroupName="lookers", NewPath="/x/")
    renamed = client("GetGroup", GroupName="lookers")
    assert renamed["Group"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/x/lookers"
    assert [user["UserName"] for user in renamed["Users"]] == ["alice"]
    client.fails("GetGroup", "NoSuchEntity", GroupName="readers")
    client.fails("UpdateGroup", "EntityAlreadyExists", GroupName="lookers", NewGroupName="writers")
    client.fails("DeleteGroup", "DeleteConflict", GroupName="lookers")
    client("RemoveUserFromGroup", GroupName="lookers", UserName="alice")
    client("DeleteGroup", GroupName="lookers")
    assert [group["GroupName"] for group in client("ListGroups")["Groups"]] == ["writers"]


def test_a_renamed_user_keeps_keys_and_id(client: Client, context: Context, key: dict[str, Any]) -> None:
    client("UpdateUser", UserName="alice", NewUserName="alicia", NewPath="/")
    assert caller(context, key).principal.arn == f"arn:aws:iam::{ACCOUNT}:user/alicia"
    assert client("GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"])["UserName"] == "alicia"


def test_a_user_is_deleted_only_when_bare(client: Client, context: Context, key: dict[str, Any]) -> None:
    client("AttachUserPolicy", UserName="alice", PolicyArn=own_policy(client, "All"))
    assert "detach" in client.fails("DeleteUser", "DeleteConflict", UserName="alice").message
    client("DetachUserPolicy", UserName="alice", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/All")
    client("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=S3)
    assert "delete policies" in client.fails("DeleteUser", "DeleteConflict", UserName="alice").message
    client("DeleteUserPolicy", UserName="alice", PolicyName="p")
    assert "access keys" in client.fails("DeleteUser", "DeleteConflict", UserName="alice").message
    client("DeleteAccessKey", UserName="alice", AccessKeyId=key["AccessKeyId"])
    client("DeleteUser", UserName="alice")
    client.fails("GetUser", "NoSuchEntity", UserName="alice")


def test_tags_of_users_and_policies(client: Client, alice: dict[str, Any]) -> None:
    client("TagUser", UserName="alice", Tags=[{"Key": "A", "Value": "c"}, {"Key": "d", "Value": "e"}])
    assert client("ListUserTags", UserName="alice")["Tags"] == [
        {"Key": "A", "Value": "c"},
        {"Key": "d", "Value": "e"},
    ]
    client("UntagUser", UserName="alice", TagKeys=["a"])
    assert client("ListUserTags", UserName="alice")["Tags"] == [{"Key": "d", "Value": "e"}]
    arn = own_policy(client, "Mine")
    client("TagPolicy", PolicyArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    assert client("ListPolicyTags", PolicyArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    client("UntagPolicy", PolicyArn=arn, TagKeys=["k"])
    assert client("ListPolicyTags", PolicyArn=arn)["Tags"] == []


def test_everything_at_one_look(client: Client, alice: dict[str, Any]) -> None:
    client("CreateGroup", GroupName="readers")
    client("AddUserToGroup", GroupName="readers", UserName="alice")
    client("PutGroupPolicy", GroupName="readers", PolicyName="p", PolicyDocument=S3)
    arn = own_policy(client, "All")
    client("AttachUserPolicy", UserName="alice", PolicyArn=arn)
    found = client("GetAccountAuthorizationDetails")
    (user,), (group,), (role,), (managed,) = (
        found[name] for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    )
    assert user["GroupList"] == ["readers"]
    assert user["AttachedManagedPolicies"] == [{"PolicyName": "All", "PolicyArn": arn}]
    assert json.loads(unquote(group["GroupPolicyList"][0]["PolicyDocument"])) == json.loads(S3)
    assert role["RoleName"] == "Trainer"
    assert json.loads(unquote(managed["PolicyVersionList"][0]["Document"])) == json.loads(S3)
    only = client("GetAccountAuthorizationDetails", Filter=["Group"])
    assert not only["UserDetailList"]
    assert [item["GroupName"] for item in only["GroupDetailList"]] == ["readers"]
    paged = client("GetAccountAuthorizationDetails", MaxItems=1)
    assert paged["IsTruncated"]
    assert client("GetAccountSummary")["SummaryMap"]["Users"] == 1


def test_a_user_can_be_simulated(client: Client, alice: dict[str, Any]) -> None:
    client("CreateGroup", GroupName="readers")
    client("AddUserToGroup", GroupName="readers", UserName="alice")
    client("PutGroupPolicy", GroupName="readers", PolicyName="p", PolicyDocument=S3)
    (result,) = client("SimulatePrincipalPolicy", PolicySourceArn=alice["Arn"], ActionNames=["s3:GetObject"])[
        "EvaluationResults"
    ]
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"] == [{"SourcePolicyId": "group_readers_p", "SourcePolicyType": "group"}]


def test_another_accounts_users_are_not_seen(client: Client, alice: dict[str, Any]) -> None:
    other = client.at(
        account="444455556666",
        principal=replace(client.context.principal, account="444455556666", arn="arn:aws:iam::444455556666:root"),
    )
    assert other("ListUsers")["Users"] == []
    other.fails("GetUser", "NoSuchEntity", UserName="alice")
    other("CreateUser", UserName="alice")
    assert client("GetUser", UserName="alice")["User"] == alice
    other.fails("SimulatePrincipalPolicy", "NoSuchEntity", PolicySourceArn=alice["Arn"], ActionNames=["s3:GetObject"])
