"""Roles, their inline policies, attachments, boundaries and tags."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from tests.access.documents import allow, policy, text_of
from tests.services.calling import ACCOUNT, NOW, Client
from tests.services.iam.conftest import ROLE_ARN, TRUST

S3 = text_of(policy(allow("s3:*")))
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def decoded(text: str) -> Any:
    return json.loads(unquote(text))


def own_policy(client: Client, name: str, path: str = "/") -> str:
    created = client("CreatePolicy", PolicyName=name, Path=path, PolicyDocument=S3)
    arn: str = created["Policy"]["Arn"]
    return arn


def attached(client: Client, **more: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = client("ListAttachedRolePolicies", RoleName="Trainer", **more)["AttachedPolicies"]
    return found


def test_a_role_is_described_as_it_was_made(client: Client) -> None:
    made = client(
        "CreateRole",
        RoleName="Reader",
        AssumeRolePolicyDocument=TRUST,
        Description="reads",
        MaxSessionDuration=7200,
        Tags=[{"Key": "team", "Value": "fraud"}],
    )["Role"]
    assert made == client("GetRole", RoleName="Reader")["Role"]
    assert decoded(made.pop("AssumeRolePolicyDocument")) == json.loads(TRUST)
    assert made.pop("RoleId").startswith("AROA")
    assert made == {
        "Path": "/",
        "RoleName": "Reader",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/Reader",
        "CreateDate": NOW.replace(microsecond=0),
        "Description": "reads",
        "MaxSessionDuration": 7200,
        "Tags": [{"Key": "team", "Value": "fraud"}],
    }


def test_what_was_not_given_is_left_out(client: Client) -> None:
    role = client("GetRole", RoleName="Trainer")["Role"]
    assert role["Arn"] == ROLE_ARN
    assert role["Path"] == "/teams/"
    assert role["MaxSessionDuration"] == 3600
    assert not role.keys() & {"Description", "PermissionsBoundary"}


def test_trust_with_several_principals_survives(client: Client) -> None:
    trust = policy(
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]},
        {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": {"Bool": {"aws:x": "true"}}},
    )
    client("UpdateAssumeRolePolicy", RoleName="Trainer", PolicyDocument=text_of(trust))
    assert decoded(client("GetRole", RoleName="Trainer")["Role"]["AssumeRolePolicyDocument"]) == trust


@pytest.mark.parametrize("name", ["Trainer", "TRAINER", "trainer"])
def test_names_are_taken_whatever_their_case_and_path(client: Client, name: str) -> None:
    error = client.fails("CreateRole", "EntityAlreadyExists", RoleName=name, AssumeRolePolicyDocument=TRUST)
    assert error.status == 409


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("GetRole", {}),
        ("DeleteRole", {}),
        ("UpdateRole", {"Description": "x"}),
        ("UpdateRoleDescription", {"Description": "x"}),
        ("UpdateAssumeRolePolicy", {"PolicyDocument": TRUST}),
        ("PutRolePolicy", {"PolicyName": "p", "PolicyDocument": S3}),
        ("GetRolePolicy", {"PolicyName": "p"}),
        ("DeleteRolePolicy", {"PolicyName": "p"}),
        ("ListRolePolicies", {}),
        ("AttachRolePolicy", {"PolicyArn": READ_ONLY}),
        ("DetachRolePolicy", {"PolicyArn": READ_ONLY}),
        ("ListAttachedRolePolicies", {}),
        ("PutRolePermissionsBoundary", {"PermissionsBoundary": READ_ONLY}),
        ("DeleteRolePermissionsBoundary", {}),
        ("TagRole", {"Tags": []}),
        ("UntagRole", {"TagKeys": []}),
        ("ListRoleTags", {}),
        ("ListInstanceProfilesForRole", {}),
    ],
)
def test_a_role_that_does_not_exist(client: Client, operation: str, more: dict[str, Any]) -> None:
    error = client.fails(operation, "NoSuchEntity", RoleName="Missing", **more)
    assert error.status == 404
    assert error.message == "The role with name Missing cannot be found."
    stranger = client.at(account="999988887777")
    stranger.fails(operation, "NoSuchEntity", RoleName="Trainer", **more)


def test_trust_in_nobody_is_refused(client: Client) -> None:
    """As on AWS, for the accounts that are known here."""

    def trust(*who: str) -> str:
        return text_of(policy({"Effect": "Allow", "Principal": {"AWS": list(who)}, "Action": "sts:AssumeRole"}))

    nobody = f"arn:aws:iam::{ACCOUNT}:user/nobody"
    for operation, member in (
        ("CreateRole", "AssumeRolePolicyDocument"),
        ("UpdateAssumeRolePolicy", "PolicyDocument"),
    ):
        name = "Other" if operation == "CreateRole" else "Trainer"
        request = {"RoleName": name, member: trust(ROLE_ARN, nobody)}
        error = client.fails(operation, "MalformedPolicyDocument", **request)
        assert error.message == f'Invalid principal in policy: "AWS":"{nobody}"'
    client.fails("GetRole", "NoSuchEntity", RoleName="Other")
    elsewhere = "arn:aws:iam::999988887777:user/somebody"
    client("UpdateAssumeRolePolicy", RoleName="Trainer", PolicyDocument=trust(ROLE_ARN, ACCOUNT, elsewhere))
    client("CreateUser", UserName="nobody")
    client("UpdateAssumeRolePolicy", RoleName="Trainer", PolicyDocument=trust(nobody))


def test_malformed_documents_change_nothing(client: Client) -> None:
    bad = text_of(policy({"Effect": "Allow", "Action": "s3:*"}))
    client.fails("CreateRole", "MalformedPolicyDocument", RoleName="Other", AssumeRolePolicyDocument=bad)
    client.fails("GetRole", "NoSuchEntity", RoleName="Other")
    client.fails("UpdateAssumeRolePolicy", "MalformedPolicyDocument", RoleName="Trainer", PolicyDocument=S3)
    client.fails("PutRolePolicy", "MalformedPolicyDocument", RoleName="Trainer", PolicyName="p", PolicyDocument=bad)
    client.fails("CreatePolicy", "MalformedPolicyDocument", PolicyName="p", PolicyDocument=TRUST)
    assert client("ListRolePolicies", RoleName="Trainer")["PolicyNames"] == []
    assert decoded(client("GetRole", RoleName="Trainer")["Role"]["AssumeRolePolicyDocument"]) == json.loads(TRUST)


def test_update(client: Client) -> None:
    client("UpdateRole", RoleName="Trainer", Description="new", MaxSessionDuration=43200)
    client("UpdateRole", RoleName="Trainer", MaxSessionDuration=3600)
    role = client("GetRole", RoleName="Trainer")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 3600)
    assert client("UpdateRoleDescription", RoleName="Trainer", Description="newer")["Role"]["Description"] == "newer"


def test_inline_policies(client: Client) -> None:
    client("PutRolePolicy", RoleName="Trainer", PolicyName="b", PolicyDocument=S3)
    client("PutRolePolicy", RoleName="Trainer", PolicyName="a", PolicyDocument=S3)
    answer = client("GetRolePolicy", RoleName="trainer", PolicyName="a")
    assert (answer["RoleName"], decoded(answer["PolicyDocument"])) == ("Trainer", json.loads(S3))
    assert client("ListRolePolicies", RoleName="Trainer")["PolicyNames"] == ["a", "b"]
    client("DeleteRolePolicy", RoleName="Trainer", PolicyName="a")
    client.fails("GetRolePolicy", "NoSuchEntity", RoleName="Trainer", PolicyName="a")
    client.fails("DeleteRolePolicy", "NoSuchEntity", RoleName="Trainer", PolicyName="a")


def test_a_role_with_policies_is_not_deleted(client: Client) -> None:
    policy_arn = own_policy(client, "Own")
    client("PutRolePolicy", RoleName="Trainer", PolicyName="a", PolicyDocument=S3)
    client("AttachRolePolicy", RoleName="Trainer", PolicyArn=policy_arn)
    assert client.fails("DeleteRole", "DeleteConflict", RoleName="Trainer").status == 409
    client("DetachRolePolicy", RoleName="Trainer", PolicyArn=policy_arn)
    client.fails("DeleteRole", "DeleteConflict", RoleName="Trainer")
    client("DeleteRolePolicy", RoleName="Trainer", PolicyName="a")
    client("DeleteRole", RoleName="Trainer")
    client.fails("GetRole", "NoSuchEntity", RoleName="Trainer")


def test_a_new_role_of_the_same_name_is_another_role(client: Client) -> None:
    before = client("GetRole", RoleName="Trainer")["Role"]["RoleId"]
    client("DeleteRole", RoleName="Trainer")
    client("CreateRole", RoleName="Trainer", AssumeRolePolicyDocument=TRUST)
    assert client("GetRole", RoleName="Trainer")["Role"]["RoleId"] != before


def test_attachments(client: Client) -> None:
    first, second = own_policy(client, "First", "/teams/"), own_policy(client, "Second")
    for arn in (second, first, first):
        client("AttachRolePolicy", RoleName="Trainer", PolicyArn=arn)
    names = [item["PolicyName"] for item in attached(client)]
    assert sorted(names) == ["First", "Second"]
    assert attached(client, PathPrefix="/teams/") == [{"PolicyName": "First", "PolicyArn": first}]
    client("DetachRolePolicy", RoleName="Trainer", PolicyArn=first)
    client.fails("DetachRolePolicy", "NoSuchEntity", RoleName="Trainer", PolicyArn=first)
    assert [item["PolicyArn"] for item in attached(client)] == [second]
    client.fails("AttachRolePolicy", "NoSuchEntity", RoleName="Trainer", PolicyArn=second + "x")
    client.fails("AttachRolePolicy", "NoSuchEntity", RoleName="Trainer", PolicyArn=ROLE_ARN)


def test_a_policy_of_another_account_cannot_beattached(client: Client) -> None:
    stranger = client.at(account="999988887777")
    foreign = own_policy(stranger, "Foreign")
    client.fails("AttachRolePolicy", "NoSuchEntity", RoleName="Trainer", PolicyArn=foreign)
    client.fails("GetPolicy", "NoSuchEntity", PolicyArn=foreign)


def test_entities_of_a_policy(client: Client) -> None:
    arn = own_policy(client, "Own")
    client("CreateRole", RoleName="Bounded", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=arn)
    client("AttachRolePolicy", RoleName="Trainer", PolicyArn=arn)

    def roles(**more: Any) -> list[str]:
        answer = client("ListEntitiesForPolicy", PolicyArn=arn, **more)
        return [role["RoleName"] for role in answer["PolicyRoles"]]

    assert roles() == ["Bounded", "Trainer"]
    assert roles(PolicyUsageFilter="PermissionsBoundary") == ["Bounded"]
    assert roles(PolicyUsageFilter="PermissionsPolicy") == ["Trainer"]
    assert roles(EntityFilter="User") == []
    assert roles(PathPrefix="/teams/") == ["Trainer"]


def test_boundaries(client: Client) -> None:
    arn = own_policy(client, "Limit")
    client("PutRolePermissionsBoundary", RoleName="Trainer", PermissionsBoundary=arn)
    boundary = client("GetRole", RoleName="Trainer")["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == arn
    client.fails("DeletePolicy", "DeleteConflict", PolicyArn=arn)
    client("DeleteRolePermissionsBoundary", RoleName="Trainer")
    assert "PermissionsBoundary" not in client("GetRole", RoleName="Trainer")["Role"]
    client.fails("DeleteRolePermissionsBoundary", "NoSuchEntity", RoleName="Trainer")
    client("DeletePolicy", PolicyArn=arn)
    client.fails("PutRolePermissionsBoundary", "NoSuchEntity", RoleName="Trainer", PermissionsBoundary=arn)


def test_tags(client: Client) -> None:
    client("TagRole", RoleName="Trainer", Tags=[{"Key": "Team", "Value": "a"}, {"Key": "cost", "Value": "1"}])
    client("TagRole", RoleName="Trainer", Tags=[{"Key": "team", "Value": "b"}])
    assert client("ListRoleTags", RoleName="Trainer")["Tags"] == [
        {"Key": "cost", "Value": "1"},
        {"Key": "team", "Value": "b"},
    ]
    client("UntagRole", RoleName="Trainer", TagKeys=["TEAM", "other"])
    assert client("GetRole", RoleName="Trainer")["Role"]["Tags"] == [{"Key": "cost", "Value": "1"}]
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    client.fails("TagRole", "InvalidInput", RoleName="Trainer", Tags=twice)
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert client.fails("TagRole", "LimitExceeded", RoleName="Trainer", Tags=many).status == 409


def test_listing_goes_by_name_in_pages(client: Client) -> None:
    for number in range(7):
        client("CreateRole", RoleName=f"Role{number}", Path="/many/", AssumeRolePolicyDocument=TRUST)
    names, marker, pages = [], None, 0
    while True:
        more = {"Marker": marker} if marker else {}
        answer = client("ListRoles", PathPrefix="/many/", MaxItems=3, **more)
        names += [role["RoleName"] for role in answer["Roles"]]
        pages += 1
        assert answer["IsTruncated"] == ("Marker" in answer)
        marker = answer.get("Marker")
        if not marker:
            break
    assert (names, pages) == ([f"Role{number}" for number in range(7)], 3)
    assert [role["RoleName"] for role in client("ListRoles", PathPrefix="/teams/")["Roles"]] == ["Trainer"]
    assert len(client("ListRoles")["Roles"]) == 8
    assert client.at(account="999988887777")("ListRoles")["Roles"] == []


def test_a_full_last_page_has_no_marker(client: Client) -> None:
    client("CreateRole", RoleName="Other", AssumeRolePolicyDocument=TRUST)
    answer = client("ListRoles", MaxItems=2)
    assert answer["IsTruncated"] is False
    assert "Marker" not in answer


def test_markers_belong_to_their_list(client: Client) -> None:
    client("CreateRole", RoleName="Other", AssumeRolePolicyDocument=TRUST)
    marker = client("ListRoles", MaxItems=1)["Marker"]
    client.fails("ListRoles", "ValidationException", Marker=marker, PathPrefix="/teams/")
    assert client.fails("ListPolicies", "ValidationException", Marker=marker).message == "Invalid Marker"
    client.at(account="999988887777").fails("ListRoles", "ValidationException", Marker=marker)
    client.fails("ListRoles", "ValidationException", Marker="made up")


def test_quotas(client: Client) -> None:
    actions = [f"s3:Action{number}" for number in range(600)]
    long = text_of(policy(allow(actions)))
    assert 6144 < len(long.replace(" ", "")) < 10_240
    client.fails("CreatePolicy", "LimitExceeded", PolicyName="Long", PolicyDocument=long)
    client("PutRolePolicy", RoleName="Trainer", PolicyName="a", PolicyDocument=long)
    client.fails("PutRolePolicy", "LimitExceeded", RoleName="Trainer", PolicyName="b", PolicyDocument=long)
    client("PutRolePolicy", RoleName="Trainer", PolicyName="a", PolicyDocument=long + " " * 9000)
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    trust = text_of(policy(*[statement] * 100))
    client.fails("UpdateAssumeRolePolicy", "LimitExceeded", RoleName="Trainer", PolicyDocument=trust)
    for number in range(20):
        client("AttachRolePolicy", RoleName="Trainer", PolicyArn=own_policy(client, f"P{number}"))
    last = own_policy(client, "P20")
    client.fails("AttachRolePolicy", "LimitExceeded", RoleName="Trainer", PolicyArn=last)


def test_permissions_are_asked_on_the_arn_of_the_role(client: Client) -> None:
    client.permissions.asked.clear()
    client("GetRole", RoleName="trainer")
    client.at(now=NOW + timedelta(days=1))("CreateRole", RoleName="New", Path="/p/", AssumeRolePolicyDocument=TRUST)
    client.fails("DeleteRole", "NoSuchEntity", RoleName="Missing")
    assert [(action, arn) for action, arn, _ in client.permissions.asked] == [
        ("iam:GetRole", ROLE_ARN),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/p/New"),
        ("iam:DeleteRole", f"arn:aws:iam::{ACCOUNT}:role/Missing"),
    ]
