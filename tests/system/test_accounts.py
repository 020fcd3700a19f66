"""Users, several accounts and the audit trail, through a real server and the commands that people type."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from clary.cli.main import application
from tests.server import Server, eventually


def clary(server: Server, *arguments: str) -> str:
    """Output of a command, which must succeed."""
    done = CliRunner().invoke(application(list(arguments)), [*arguments, "--data", str(server.settings.data)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def keys_in(output: str) -> dict[str, str]:
    """Arguments of a client with the credentials whose file a command has named."""
    path = Path(output.rpartition("AWS_SHARED_CREDENTIALS_FILE=")[2].strip())
    assert path.stat().st_mode & 0o777 == 0o600
    parser = configparser.ConfigParser()
    parser.read(path)
    return dict(parser["default"])


@pytest.fixture(scope="module")
def research(server: Server) -> dict[str, str]:
    """The owner of a second account."""
    return keys_in(clary(server, "account", "add", "laboratory"))


def code_of(function: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        function(**request)
    code: str = refused.value.response["Error"]["Code"]
    return code


def test_a_user_may_what_its_policy_says(server: Server) -> None:
    given = keys_in(clary(server, "user", "add", "reader", "--policy", "auditor"))
    mine = server.client("iam", **given)
    assert mine.get_user()["User"]["UserName"] == "reader"
    assert server.client("sts", **given).get_caller_identity()["Arn"].endswith(":user/reader")
    server.client("sagemaker", **given).list_models()
    with pytest.raises(ClientError, match="because no identity-based policy allows the iam:CreateUser action"):
        mine.create_user(UserName="another")
    assert "ClaryAuditor" in clary(server, "user", "list")
    session = server.client("sts", **given).get_session_token()["Credentials"]
    temporary = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    assert server.client("iam", **temporary).get_user()["User"]["UserName"] == "reader"
    iam = server.client("iam")
    iam.update_access_key(UserName="reader", AccessKeyId=given["aws_access_key_id"], Status="Inactive")
    assert code_of(mine.get_user) == "InvalidClientTokenId"
    assert code_of(server.client("s3", **given).list_buckets) == "InvalidAccessKeyId"
    assert code_of(server.client("sagemaker", **given).list_models) == "UnrecognizedClientException"


def test_two_accounts_share_nothing(server: Server, research: dict[str, str]) -> None:
    """The same names in both, and ARNs of the one in the hands of the other."""
    ours, theirs = server.client("sagemaker"), server.client("sagemaker", **research)
    their_account = server.client("sts", **research).get_caller_identity()["Account"]
    assert their_account in clary(server, "account", "list")
    for sagemaker, account in ((ours, server.installation.account), (theirs, their_account)):
        made = sagemaker.create_model_package_group(ModelPackageGroupName="shared-name")
        assert made["ModelPackageGroupArn"].split(":")[4] == account
    assert code_of(server.client("s3", **research).list_objects_v2, Bucket="nothing-of-theirs") == "NoSuchBucket"
    server.client("s3").create_bucket(Bucket="ours-alone")
    server.client("s3").put_object(Bucket="ours-alone", Key="k", Body=b"x")
    s3 = server.client("s3", **research)
    assert code_of(s3.get_object, Bucket="ours-alone", Key="k") == "AccessDenied"
    assert code_of(s3.list_objects_v2, Bucket="ours-alone") == "AccessDenied"
    assert code_of(s3.put_object, Bucket="ours-alone", Key="k2", Body=b"") == "AccessDenied"
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == []
    sns = server.client("sns")
    topic = sns.create_topic(Name="ours")["TopicArn"]
    assert code_of(server.client("sns", **research).get_topic_attributes, TopicArn=topic) in {
        "AuthorizationError",
        "NotFound",
    }
    arn = f"arn:aws:iam::{server.installation.account}:role/ClaryExecutionRole"
    assert code_of(theirs.create_model, ModelName="m", ExecutionRoleArn=arn) in {
        "AccessDeniedException",
        "ValidationException",
    }
    assert code_of(server.client("organizations", **research).list_accounts) == "AccessDeniedException"


def test_a_queue_and_a_role_are_opened_to_the_other_account(server: Server, research: dict[str, str]) -> None:
    their_account = server.client("sts", **research).get_caller_identity()["Account"]
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="opened")["QueueUrl"]
    other = server.client("sqs", **research)
    assert code_of(other.send_message, QueueUrl=url, MessageBody="x") in {"AccessDenied", "AccessDeniedException"}
    arn = f"arn:aws:sqs:us-east-1:{server.installation.account}:opened"
    statement = {"Effect": "Allow", "Principal": {"AWS": their_account}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    assert other.send_message(QueueUrl=url, MessageBody="x")["MessageId"]
    assert code_of(other.receive_message, QueueUrl=url) in {"AccessDenied", "AccessDeniedException"}

    group = server.client("sagemaker").create_model_package_group(ModelPackageGroupName="opened")[
        "ModelPackageGroupArn"
    ]
    theirs = server.client("sagemaker", **research)
    assert code_of(theirs.describe_model_package_group, ModelPackageGroupName=group) == "AccessDeniedException"
    opening = {
        **statement,
        "Principal": {"AWS": f"arn:aws:iam::{their_account}:root"},
        "Action": "sagemaker:DescribeModelPackageGroup",
        "Resource": group,
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [opening]})
    server.client("sagemaker").put_model_package_group_policy(ModelPackageGroupName="opened", ResourcePolicy=text)
    assert theirs.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"] == group
    assert code_of(theirs.delete_model_package_group, ModelPackageGroupName=group) == "AccessDeniedException"

    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": their_account},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "e-1"}},
            }
        ],
    }
    role = server.client("iam").create_role(RoleName="ForResearch", AssumeRolePolicyDocument=json.dumps(trust))
    wanted = {"RoleArn": role["Role"]["Arn"], "RoleSessionName": "visit"}
    sts = server.client("sts", **research)
    assert code_of(sts.assume_role, **wanted) == "AccessDenied"
    assert code_of(sts.assume_role, ExternalId="e-2", **wanted) == "AccessDenied"
    session = sts.assume_role(ExternalId="e-1", **wanted)
    assert session["AssumedRoleUser"]["Arn"].split(":")[4] == server.installation.account
    entered = server.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{their_account}:role/OrganizationAccountAccessRole", RoleSessionName="owner"
    )
    assert entered["AssumedRoleUser"]["Arn"].split(":")[4] == their_account


def test_tags_decide(server: Server) -> None:
    """Whoever makes something must mark it as the team's own, and sees and deletes only what is."""
    iam = server.client("iam")
    given = keys_in(clary(server, "user", "add", "tagger"))
    own = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    marked = {"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}}
    groups = [f"sagemaker:{verb}ModelPackageGroup" for verb in ("Describe", "Delete")]
    statements = [
        {"Effect": "Allow", "Action": "sagemaker:CreateModelPackageGroup", "Resource": "*", "Condition": marked},
        {"Effect": "Allow", "Action": groups, "Resource": "*", "Condition": own},
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    iam.put_user_policy(UserName="tagger", PolicyName="tags", PolicyDocument=json.dumps(document))
    iam.tag_user(UserName="tagger", Tags=[{"Key": "team", "Value": "fraud"}])
    mine, root = server.client("sagemaker", **given), server.client("sagemaker")

    def make(client: Any, name: str, team: str) -> None:
        client.create_model_package_group(ModelPackageGroupName=name, Tags=[{"Key": "team", "Value": team}])

    refused = {"ModelPackageGroupName": "t-0", "Tags": [{"Key": "team", "Value": "other"}]}
    assert code_of(mine.create_model_package_group, **refused) == "AccessDeniedException"
    with pytest.raises(ClientError, match="sagemaker:AddTags"):
        make(mine, "t-1", "fraud")
    statements[0]["Action"] = ["sagemaker:CreateModelPackageGroup", "sagemaker:AddTags"]
    iam.put_user_policy(UserName="tagger", PolicyName="tags", PolicyDocument=json.dumps(document))
    make(mine, "t-1", "fraud")
    make(root, "t-2", "other")
    assert mine.describe_model_package_group(ModelPackageGroupName="t-1")["ModelPackageGroupName"] == "t-1"
    for look in (mine.describe_model_package_group, mine.delete_model_package_group):
        assert code_of(look, ModelPackageGroupName="t-2") == "AccessDeniedException"
    mine.delete_model_package_group(ModelPackageGroupName="t-1")
    key_id = given["aws_access_key_id"]
    assert server.client("sts").get_access_key_info(AccessKeyId=key_id)["Account"] == server.installation.account


def test_calls_are_recorded_within_a_second(server: Server, research: dict[str, str]) -> None:
    iam, trail = server.client("iam"), server.client("cloudtrail")
    iam.create_user(UserName="watched")
    secret = iam.create_access_key(UserName="watched")["AccessKey"]["SecretAccessKey"]
    assert code_of(iam.get_user, UserName="nobody-here") == "NoSuchEntity"

    def found(key: str, value: str) -> list[dict[str, Any]]:
        attributes = [{"AttributeKey": key, "AttributeValue": value}]
        events: list[dict[str, Any]] = trail.lookup_events(LookupAttributes=attributes)["Events"]
        return events

    eventually(lambda: found("ResourceName", "nobody-here"))
    names = {event["EventName"] for event in found("ResourceName", "watched")}
    assert {"CreateUser", "CreateAccessKey"} <= names
    (failed,) = found("ResourceName", "nobody-here")
    event = json.loads(failed["CloudTrailEvent"])
    assert event["errorCode"] == "NoSuchEntity"
    assert event["userIdentity"]["type"] == "Root"
    assert event["sourceIPAddress"].startswith("127.0.0.1")
    assert "Boto3" in event["userAgent"]
    assert secret not in json.dumps([event["CloudTrailEvent"] for event in found("Username", "root")])
    attributes = [{"AttributeKey": "ResourceName", "AttributeValue": "watched"}]
    assert not server.client("cloudtrail", **research).lookup_events(LookupAttributes=attributes)["Events"]
    assert not found("EventName", "PutObject")
    assert not found("EventName", "InvokeEndpoint")


def test_a_closed_account_is_shut(server: Server) -> None:
    owner = keys_in(clary(server, "account", "add", "short-lived"))
    number = server.client("sts", **owner).get_caller_identity()["Account"]
    clary(server, "account", "close", number)
    assert code_of(server.client("sts", **owner).get_caller_identity) == "InvalidClientTokenId"
    line = next(line for line in clary(server, "account", "list").splitlines() if line.startswith(number))
    assert "suspended" in line
