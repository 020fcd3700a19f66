"""Asking what would be decided."""

from __future__ import annotations

from typing import Any

import pytest

from clary.services.context import Context
from clary.services.iam.execution_role import ensure_execution_role
from tests.access.documents import allow, deny, policy, text_of
from tests.services.calling import ACCOUNT, NOW, Client
from tests.services.iam.conftest import ROLE_ARN

ENDPOINT = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/e"
BUCKET = "arn:aws:s3:::bucket"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def put(client: Client, name: str, *statements: dict[str, Any]) -> None:
    client("PutRolePolicy", RoleName="Trainer", PolicyName=name, PolicyDocument=text_of(policy(*statements)))


def results(client: Client, *actions: str, source: str = ROLE_ARN, **more: Any) -> list[dict[str, Any]]:
    answer = client("SimulatePrincipalPolicy", PolicySourceArn=source, ActionNames=list(actions), **more)
    found: list[dict[str, Any]] = answer["EvaluationResults"]
    return found


def decision(client: Client, action: str, **more: Any) -> str:
    (result,) = results(client, action, **more)
    text: str = result["EvalDecision"]
    return text


def test_every_action_on_every_resource(client: Client) -> None:
    put(client, "mixed", allow("s3:*", resource=BUCKET), deny("s3:DeleteBucket"))
    found = results(client, "s3:ListBucket", "s3:DeleteBucket", ResourceArns=[BUCKET, BUCKET + "2"])
    assert [(item["EvalActionName"], item["EvalResourceName"], item["EvalDecision"]) for item in found] == [
        ("s3:ListBucket", BUCKET, "allowed"),
        ("s3:ListBucket", BUCKET + "2", "implicitDeny"),
        ("s3:DeleteBucket", BUCKET, "explicitDeny"),
        ("s3:DeleteBucket", BUCKET + "2", "explicitDeny"),
    ]


def test_without_resources_the_question_is_about_all(client: Client) -> None:
    put(client, "some", allow("s3:*", resource=BUCKET))
    (result,) = results(client, "s3:ListBucket")
    assert (result["EvalResourceName"], result["EvalDecision"]) == ("*", "implicitDeny")


def test_matched_statements_are_those_that_decided(client: Client, context: Context) -> None:
    ensure_execution_role(context.database, context.installation, NOW)
    client("CreatePolicy", PolicyName="Own", PolicyDocument=text_of(policy(allow("s3:*"))))
    put(client, "inline", allow("s3:*"), deny("s3:DeleteBucket"))
    client("AttachRolePolicy", RoleName="Trainer", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    client("AttachRolePolicy", RoleName="Trainer", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/Own")
    allowed, denied, neither = results(client, "s3:ListBucket", "s3:DeleteBucket", "logs:GetLogEvents")
    inline = {"SourcePolicyId": "role_Trainer_inline", "SourcePolicyType": "role"}
    assert allowed["MatchedStatements"] == [
        inline,
        {"SourcePolicyId": "AmazonS3FullAccess", "SourcePolicyType": "aws-managed"},
        {"SourcePolicyId": "Own", "SourcePolicyType": "user-managed"},
    ]
    assert denied["MatchedStatements"] == [inline]
    assert neither["MatchedStatements"] == []


def test_context(client: Client) -> None:
    put(client, "tagged", allow("sagemaker:*", when={"StringEquals": {"aws:RequestTag/team": "fraud"}}))
    (result,) = results(client, "sagemaker:CreateModel")
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:RequestTag/team"])
    given = {
        "ContextKeyName": "aws:RequestTag/team", "ContextKeyValues": ["fraud"], "ContextKeyType": "string",
    }  # fmt: skip
    (result,) = results(client, "sagemaker:CreateModel", ContextEntries=[given])
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_context_with_several_values(client: Client) -> None:
    put(client, "keys", allow("s3:*", when={"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}))
    entry = {"ContextKeyName": "aws:TagKeys", "ContextKeyType": "stringList"}
    assert decision(client, "s3:x", ContextEntries=[{**entry, "ContextKeyValues": ["a", "b"]}]) == "allowed"
    assert decision(client, "s3:x", ContextEntries=[{**entry, "ContextKeyValues": ["a", "c"]}]) == "implicitDeny"


def test_boundary_of_the_role(client: Client) -> None:
    put(client, "all", allow("*"))
    arn = client("CreatePolicy", PolicyName="Limit", PolicyDocument=text_of(policy(allow("s3:*"))))["Policy"]["Arn"]
    client("PutRolePermissionsBoundary", RoleName="Trainer", PermissionsBoundary=arn)
    inside, outside = results(client, "s3:ListBucket", "logs:GetLogEvents")
    assert (inside["EvalDecision"], outside["EvalDecision"]) == ("allowed", "implicitDeny")
    assert inside["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    assert outside["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    wider = [text_of(policy(allow("*")))]
    assert decision(client, "logs:GetLogEvents", PermissionsBoundaryPolicyInputList=wider) == "allowed"
    client.fails(
        "SimulatePrincipalPolicy", "InvalidInput", PolicySourceArn=ROLE_ARN, ActionNames=["s3:x"],
        PermissionsBoundaryPolicyInputList=wider * 2,
    )  # fmt: skip


def test_policies_of_the_request(client: Client) -> None:
    (result,) = results(client, "s3:ListBucket", PolicyInputList=[text_of(policy(allow("s3:*")))])
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"] == [{"SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "none"}]


def test_resource_policies(client: Client) -> None:
    foreign = ENDPOINT.replace(ACCOUNT, "999988887777")
    put(client, "all", allow("*"))
    open_to_us = text_of(policy({**allow("*"), "Principal": {"AWS": ACCOUNT}}))
    assert decision(client, "sagemaker:InvokeEndpoint", ResourceArns=[foreign]) == "implicitDeny"
    granted = {"ResourceArns": [foreign], "ResourcePolicy": open_to_us}
    assert decision(client, "sagemaker:InvokeEndpoint", **granted) == "allowed"
    owner = {"ResourceArns": [BUCKET], "ResourceOwner": "arn:aws:iam::999988887777:root"}
    assert decision(client, "s3:ListBucket", **owner) == "implicitDeny"
    client.fails(
        "SimulatePrincipalPolicy", "InvalidInput", PolicySourceArn=ROLE_ARN, ActionNames=["s3:x"], ResourceOwner="me"
    )


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/alice", "allowed"),
        (f"arn:aws:iam::{ACCOUNT}:user/bob", "implicitDeny"),
        (ROLE_ARN, "implicitDeny"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Trainer/s", "implicitDeny"),
        (ROOT, "allowed"),
    ],
)
def test_the_caller_that_a_resource_policy_sees(client: Client, caller: str, expected: str) -> None:
    grant = {**allow("*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}}
    assert decision(client, "s3:x", ResourcePolicy=text_of(policy(grant)), CallerArn=caller) == expected


@pytest.mark.parametrize("caller", [BUCKET, f"arn:aws:sts::{ACCOUNT}:assumed-role/Missing/s"])
def test_callers_that_are_none(client: Client, caller: str) -> None:
    client.fails(
        "SimulatePrincipalPolicy", "InvalidInput", PolicySourceArn=ROLE_ARN, ActionNames=["s3:x"], CallerArn=caller
    )


def test_root_may_do_anything(client: Client) -> None:
    assert decision(client, "s3:ListBucket", source=ROOT) == "allowed"


@pytest.mark.parametrize("arn", [ROLE_ARN + "x", f"arn:aws:iam::{ACCOUNT}:user/a", "arn:aws:iam::999988887777:root"])
def test_principals_that_do_not_exist(client: Client, arn: str) -> None:
    client.fails("SimulatePrincipalPolicy", "NoSuchEntity", PolicySourceArn=arn, ActionNames=["s3:x"])


def test_another_accounts_role(client: Client) -> None:
    stranger = client.at(account="999988887777")
    stranger.fails("SimulatePrincipalPolicy", "NoSuchEntity", PolicySourceArn=ROLE_ARN, ActionNames=["s3:x"])


def test_pages(client: Client) -> None:
    actions = [f"s3:Action{number}" for number in range(5)]
    asked = {"PolicySourceArn": ROLE_ARN, "ActionNames": actions, "MaxItems": 3}
    first = client("SimulatePrincipalPolicy", **asked)
    rest = client("SimulatePrincipalPolicy", **asked, Marker=first["Marker"])
    assert [item["EvalActionName"] for item in first["EvaluationResults"] + rest["EvaluationResults"]] == actions


def test_the_execution_role_may_train(client: Client, context: Context) -> None:
    ensure_execution_role(context.database, context.installation, NOW)
    role = f"arn:aws:iam::{ACCOUNT}:role/ClaryExecutionRole"
    found = results(client, "sagemaker:CreateTrainingJob", "s3:PutObject", "logs:PutLogEvents", source=role)
    assert {item["EvalDecision"] for item in found} == {"allowed"}
    assert decision(client, "iam:CreateRole", source=role) == "implicitDeny"


def test_custom_policies(client: Client) -> None:
    def ask(*statements: dict[str, Any], **more: Any) -> str:
        answer = client(
            "SimulateCustomPolicy", PolicyInputList=[text_of(policy(*statements))], ActionNames=["s3:x"], **more
        )
        text: str = answer["EvaluationResults"][0]["EvalDecision"]
        return text

    assert ask(allow("s3:*")) == "allowed"
    assert ask(allow("logs:*")) == "implicitDeny"
    assert ask(allow("s3:*"), deny("s3:x")) == "explicitDeny"
    named = allow("s3:*", when={"StringEquals": {"aws:username": "alice"}})
    assert ask(named, CallerArn=f"arn:aws:iam::{ACCOUNT}:user/alice") == "allowed"
    assert ask(named, CallerArn=f"arn:aws:iam::{ACCOUNT}:user/bob") == "implicitDeny"
    boundary = [text_of(policy(allow("logs:*")))]
    assert ask(allow("s3:*"), PermissionsBoundaryPolicyInputList=boundary) == "implicitDeny"


def test_what_is_not_served_is_said(client: Client) -> None:
    client.fails(
        "SimulatePrincipalPolicy", "NotImplemented", PolicySourceArn=ROLE_ARN, ActionNames=["s3:x"],
        PolicyExclusionList=[{"PolicyArn": "arn:aws:iam::aws:policy/x"}],
    )  # fmt: skip


def test_the_keys_that_policies_ask_for(client: Client) -> None:
    tagged = allow("s3:*", when={"StringEquals": {"aws:RequestTag/team": "a"}})
    timed = allow("s3:*", when={"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}})
    put(client, "tagged", tagged)
    asked = {"PolicySourceArn": ROLE_ARN, "PolicyInputList": [text_of(policy(timed))]}
    both = ["aws:CurrentTime", "aws:RequestTag/team"]
    assert client("GetContextKeysForPrincipalPolicy", **asked)["ContextKeyNames"] == both
    own = client("GetContextKeysForCustomPolicy", PolicyInputList=asked["PolicyInputList"])
    assert own["ContextKeyNames"] == ["aws:CurrentTime"]
    named = allow("s3:*", resource="arn:aws:s3:::b/${aws:username}/${*}/${aws:PrincipalTag/team, 'x'}")
    own = client("GetContextKeysForCustomPolicy", PolicyInputList=[text_of(policy(named, tagged))])
    assert own["ContextKeyNames"] == ["aws:PrincipalTag/team", "aws:RequestTag/team", "aws:username"]
    client.fails("GetContextKeysForPrincipalPolicy", "NoSuchEntity", PolicySourceArn=f"{ROLE_ARN}2")
