"""Managed policies, their versions, and what an installation has from the start."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from clary.access.documents import parse_policy
from clary.services.context import Context
from clary.services.iam.execution_role import ensure_execution_role
from clary.services.iam.managed import MANAGED
from clary.store import principals, resources
from tests.access.documents import allow, policy, text_of
from tests.services.calling import ACCOUNT, NOW, Client
from tests.services.iam.conftest import TRUST

S3, LOGS = text_of(policy(allow("s3:*"))), text_of(policy(allow("logs:*")))
ARN = f"arn:aws:iam::{ACCOUNT}:policy/teams/Own"
AWS = "arn:aws:iam::aws:policy/"


@pytest.fixture
def installed(client: Client, context: Context) -> Client:
    ensure_execution_role(context.database, context.installation, NOW)
    return client


@pytest.fixture
def own(client: Client) -> Client:
    client("CreatePolicy", PolicyName="Own", Path="/teams/", PolicyDocument=S3)
    return client


def text(client: Client, version: str, arn: str = ARN) -> Any:
    answer = client("GetPolicyVersion", PolicyArn=arn, VersionId=version)["PolicyVersion"]
    return json.loads(unquote(answer["Document"]))


def evaluated(client: Client, arn: str) -> str | None:
    """The text that decides."""
    with client.context.database.read() as tx:
        return principals.policy_text(tx, client.context.account, arn)


def test_a_policy_is_described_as_it_was_made(client: Client) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    made = client(
        "CreatePolicy", PolicyName="Own", Path="/teams/", PolicyDocument=S3, Description="all of S3", Tags=tags
    )["Policy"]
    assert made == client("GetPolicy", PolicyArn=ARN)["Policy"]
    assert made.pop("PolicyId").startswith("ANPA")
    assert made == {
        "PolicyName": "Own",
        "Arn": ARN,
        "Path": "/teams/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "Description": "all of S3",
        "CreateDate": NOW.replace(microsecond=0),
        "UpdateDate": NOW.replace(microsecond=0),
        "Tags": tags,
    }
    assert text(client, "v1") == json.loads(S3)


def test_errors(own: Client) -> None:
    own.fails("CreatePolicy", "EntityAlreadyExists", PolicyName="OWN", PolicyDocument=S3)
    for operation, more in (
        ("GetPolicy", {}),
        ("DeletePolicy", {}),
        ("GetPolicyVersion", {"VersionId": "v1"}),
        ("ListPolicyVersions", {}),
        ("CreatePolicyVersion", {"PolicyDocument": S3}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
        ("ListEntitiesForPolicy", {}),
    ):
        own.fails(operation, "NoSuchEntity", PolicyArn=ARN + "x", **more)
        own.at(account="999988887777").fails(operation, "NoSuchEntity", PolicyArn=ARN, **more)
    for operation in ("GetPolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"):
        own.fails(operation, "NoSuchEntity", PolicyArn=ARN, VersionId="v2")
    own.fails("CreatePolicyVersion", "MalformedPolicyDocument", PolicyArn=ARN, PolicyDocument="{}")


def test_versions(own: Client) -> None:
    later = own.at(now=NOW + timedelta(hours=1))
    made = later("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=LOGS)["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v2", False)
    assert evaluated(own, ARN) == S3
    later("SetDefaultPolicyVersion", PolicyArn=ARN, VersionId="v2")
    assert evaluated(own, ARN) == LOGS
    assert own("GetPolicy", PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v2"
    assert (text(own, "v1"), text(own, "v2")) == (json.loads(S3), json.loads(LOGS))
    own.fails("DeletePolicyVersion", "DeleteConflict", PolicyArn=ARN, VersionId="v2")
    own.fails("DeletePolicy", "DeleteConflict", PolicyArn=ARN)
    own("DeletePolicyVersion", PolicyArn=ARN, VersionId="v1")
    third = own("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=S3, SetAsDefault=True)["PolicyVersion"]
    assert (third["VersionId"], third["IsDefaultVersion"]) == ("v3", True)
    assert evaluated(own, ARN) == S3
    listed = own("ListPolicyVersions", PolicyArn=ARN)["Versions"]
    assert [version["VersionId"] for version in listed] == ["v3", "v2"]


def test_version_numbers_are_not_used_again(own: Client) -> None:
    own("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=LOGS)
    own("DeletePolicyVersion", PolicyArn=ARN, VersionId="v2")
    made = own("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=LOGS)["PolicyVersion"]
    assert made["VersionId"] == "v3"


def test_five_versions_and_their_pages(own: Client) -> None:
    for _ in range(4):
        own("CreatePolicyVersion", PolicyArn=ARN, PolicyDocument=LOGS)
    own.fails("CreatePolicyVersion", "LimitExceeded", PolicyArn=ARN, PolicyDocument=LOGS)
    first = own("ListPolicyVersions", PolicyArn=ARN, MaxItems=3)
    rest = own("ListPolicyVersions", PolicyArn=ARN, MaxItems=3, Marker=first["Marker"])
    assert [version["VersionId"] for version in first["Versions"] + rest["Versions"]] == [
        "v5",
        "v4",
        "v3",
        "v2",
        "v1",
    ]
    assert rest["IsTruncated"] is False


def test_an_attached_policy_is_not_deleted(own: Client) -> None:
    own("AttachRolePolicy", RoleName="Trainer", PolicyArn=ARN)
    assert own("GetPolicy", PolicyArn=ARN)["Policy"]["AttachmentCount"] == 1
    own.fails("DeletePolicy", "DeleteConflict", PolicyArn=ARN)
    own("DetachRolePolicy", RoleName="Trainer", PolicyArn=ARN)
    own("DeletePolicy", PolicyArn=ARN)
    own.fails("GetPolicy", "NoSuchEntity", PolicyArn=ARN)


def test_lists(installed: Client) -> None:
    installed("CreatePolicy", PolicyName="Own", Path="/teams/", PolicyDocument=S3)
    installed("CreatePolicy", PolicyName="Limit", PolicyDocument=S3)
    limit = f"arn:aws:iam::{ACCOUNT}:policy/Limit"
    installed("AttachRolePolicy", RoleName="Trainer", PolicyArn=ARN)
    installed("PutRolePermissionsBoundary", RoleName="Trainer", PermissionsBoundary=limit)

    def names(**filters: Any) -> set[str]:
        return {item["PolicyName"] for item in installed("ListPolicies", **filters)["Policies"]}

    managed = {each.rpartition("/")[2] for each in MANAGED}
    assert names() == {*managed, "Own", "Limit"}
    assert names(Scope="Local") == {"Own", "Limit"}
    assert names(Scope="AWS") == managed
    assert names(PathPrefix="/teams/") == {"Own"}
    assert names(OnlyAttached=True) == {"Own", "AmazonSageMakerFullAccess"}
    assert names(Scope="Local", PolicyUsageFilter="PermissionsBoundary") == {"Limit"}
    assert names(Scope="Local", PolicyUsageFilter="PermissionsPolicy") == {"Own"}


def test_pages_hold_everything_once(installed: Client) -> None:
    found, more = [], {}
    while True:
        answer = installed("ListPolicies", MaxItems=2, **more)
        found += [item["Arn"] for item in answer["Policies"]]
        if not answer["IsTruncated"]:
            break
        more = {"Marker": answer["Marker"]}
    assert len(found) == len(set(found)) == len(MANAGED)


def test_auditors_look_at_everything_but_the_data(client: Client) -> None:
    looks = [
        "sagemaker:DescribeModel",
        "logs:DescribeLogGroups",
        "lambda:GetFunctionConfiguration",
        "s3:GetBucketAcl",
    ]
    data = ["logs:GetLogEvents", "lambda:GetFunction", "s3:GetObject", "sqs:ReceiveMessage", "ssm:GetParameter"]
    found = client(
        "SimulateCustomPolicy", PolicyInputList=[text_of(MANAGED["ClaryAuditor"])], ActionNames=[*looks, *data]
    )["EvaluationResults"]
    decisions = {each["EvalActionName"]: each["EvalDecision"] for each in found}
    assert decisions == dict.fromkeys(looks, "allowed") | dict.fromkeys(data, "implicitDeny")


@pytest.mark.parametrize("name", MANAGED)
def test_managed_policies_exist_and_are_valid(installed: Client, name: str) -> None:
    described = installed("GetPolicy", PolicyArn=AWS + name)["Policy"]
    document = text(installed, described["DefaultVersionId"], AWS + name)
    assert parse_policy(json.dumps(document)) == MANAGED[name]
    installed("AttachRolePolicy", RoleName="Trainer", PolicyArn=AWS + name)


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": S3}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
    ],
)
def test_managed_policies_cannot_be_changed(installed: Client, operation: str, more: dict[str, Any]) -> None:
    installed.fails(operation, "AccessDeniedException", PolicyArn=f"{AWS}AmazonS3FullAccess", **more)


@pytest.mark.parametrize(
    ("name", "action", "decision"),
    [
        ("ReadOnlyAccess", "sagemaker:Search", "allowed"),
        ("ReadOnlyAccess", "sagemaker:CreateModel", "implicitDeny"),
        ("PowerUserAccess", "lambda:CreateFunction", "allowed"),
        ("PowerUserAccess", "iam:CreateUser", "implicitDeny"),
        ("AmazonSQSReadOnlyAccess", "sqs:GetQueueUrl", "allowed"),
        ("AmazonSQSReadOnlyAccess", "sqs:SendMessage", "implicitDeny"),
        ("AWSLambda_FullAccess", "lambda:Invoke", "allowed"),
        ("service-role/AWSLambdaBasicExecutionRole", "logs:PutLogEvents", "allowed"),
    ],
)
def test_managed_policies_allow_what_their_names_say(
    installed: Client, name: str, action: str, decision: str
) -> None:
    """Under AWS's ARNs, which scripts write out when they make roles."""
    policy = installed("GetPolicy", PolicyArn=f"{AWS}{name}")["Policy"]
    path, _, last = f"/{name}".rpartition("/")
    assert (policy["Path"], policy["PolicyName"]) == (f"{path}/", last)
    found = installed("SimulateCustomPolicy", PolicyInputList=[json.dumps(MANAGED[name])], ActionNames=[action])
    assert [each["EvalDecision"] for each in found["EvaluationResults"]] == [decision]


def test_the_execution_role_exists_from_the_start(installed: Client) -> None:
    role = installed("GetRole", RoleName="ClaryExecutionRole")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/ClaryExecutionRole"
    trust = json.loads(unquote(role["AssumeRolePolicyDocument"]))
    trusted = [statement["Principal"] for statement in trust["Statement"]]
    services = [f"{name}.amazonaws.com" for name in ("sagemaker", "lambda", "events", "scheduler")]
    assert trusted == [{"Service": services}, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}]
    attached = installed("ListAttachedRolePolicies", RoleName="ClaryExecutionRole")["AttachedPolicies"]
    assert [item["PolicyArn"] for item in attached] == [f"{AWS}AmazonSageMakerFullAccess"]
    inline = installed("GetRolePolicy", RoleName="ClaryExecutionRole", PolicyName="ReleaseLoop")
    allowed = json.loads(unquote(inline["PolicyDocument"]))["Statement"]
    assert "lambda:*" in allowed[0]["Action"]
    assert allowed[1] == {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role["Arn"]}


def test_a_second_start_changes_nothing(installed: Client, context: Context) -> None:
    installed("DetachRolePolicy", RoleName="ClaryExecutionRole", PolicyArn=f"{AWS}AmazonSageMakerFullAccess")
    before = (installed("GetRole", RoleName="ClaryExecutionRole"), installed("ListPolicies"))
    ensure_execution_role(context.database, context.installation, NOW + timedelta(days=1))
    assert (installed("GetRole", RoleName="ClaryExecutionRole"), installed("ListPolicies")) == before
    assert installed("ListAttachedRolePolicies", RoleName="ClaryExecutionRole")["AttachedPolicies"] == []


def test_a_changed_managed_policy_becomes_a_new_version(installed: Client, context: Context) -> None:
    arn = f"{AWS}AmazonS3FullAccess"
    with context.database.write() as tx:
        row = resources.find_by_arn(tx, arn)
        assert row is not None
        resources.save(tx, row, document={**row.document, "Text": LOGS}, now=NOW)
    ensure_execution_role(context.database, context.installation, NOW + timedelta(days=1))
    assert installed("GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    assert text(installed, "v2", arn) == MANAGED["AmazonS3FullAccess"]
    assert evaluated(installed, arn) == json.dumps(MANAGED["AmazonS3FullAccess"])


def test_trust_is_not_a_policy(own: Client) -> None:
    own.fails("CreatePolicyVersion", "MalformedPolicyDocument", PolicyArn=ARN, PolicyDocument=TRUST)
