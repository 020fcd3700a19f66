"""Nobody unsigned, nobody unallowed: over every operation in the dispatch table."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from clary.control.dispatch import OPERATIONS, SERVED_BY_DOORS
from tests.server import Server

SERVED = [
    (service, operation)
    for service, operations in [*OPERATIONS.items(), *SERVED_BY_DOORS.items()]
    for operation in sorted(operations)
]
DENIALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}
UNSIGNED_CODES = {"MissingAuthenticationToken", "MissingAuthenticationTokenException", "AccessDenied", "403"}
# In the REST protocols a path without a signature can only mean S3, which tells everybody
# that there is no such bucket.
NO_BUCKET_CODES = {"NoSuchBucket", "404"}


# Where the smallest request of a model's shape is not yet a valid one.
ROLE = "arn:aws:iam::111122223333:role/some-role"
COMPLETED: dict[str, dict[str, Any]] = {
    "AssumeRole": {"RoleArn": ROLE},
    "CreateProcessingJob": {"RoleArn": ROLE},
    "DeleteArtifact": {"ArtifactArn": "arn:aws:sagemaker:us-east-1:111122223333:artifact/some"},
    "CreateTrainingJob": {"RoleArn": ROLE},
    "DeletePolicyVersion": {"VersionId": "v1"},
    "DescribeLogStreams": {"logGroupName": "xxx"},
    "FilterLogEvents": {"logGroupName": "xxx"},
    "GetLogEvents": {"logGroupName": "xxx"},
    "GetPolicyVersion": {"VersionId": "v1"},
    "Publish": {"TopicArn": "arn:aws:sns:us-east-1:111122223333:some-topic"},
    "SetDefaultPolicyVersion": {"VersionId": "v1"},
}


# Texts that a service takes apart before it can tell whose resource is meant.
TEXTS: dict[tuple[str, str], str] = {
    ("events", "connectionarn"): "arn:aws:events:us-east-1:111122223333:connection/some/1f",
    ("organizations", "accountid"): "111122223333",
    ("organizations", "createaccountrequestid"): "car-12345678",
    ("organizations", "email"): "a@example.invalid",
    ("lambda", "action"): "lambda:InvokeFunction",
    ("lambda", "functionversion"): "1",
    ("lambda", "role"): ROLE,
    ("sagemaker", "actionname"): "some",
    ("sagemaker", "artifactarn"): "arn:aws:sagemaker:us-east-1:111122223333:artifact/some",
    ("sagemaker", "contextname"): "some",
    ("sagemaker", "destinationarn"): "arn:aws:sagemaker:us-east-1:111122223333:context/some",
    ("sagemaker", "lineagegroupname"): "some",
    ("sagemaker", "sourcearn"): "arn:aws:sagemaker:us-east-1:111122223333:artifact/some",
    ("sagemaker", "modelpackagearn"): "arn:aws:sagemaker:us-east-1:111122223333:model-package/some/1",
    ("sagemaker", "modelpackagearnlist"): "arn:aws:sagemaker:us-east-1:111122223333:model-package/some/1",
    ("sagemaker", "pipelinearn"): "arn:aws:sagemaker:us-east-1:111122223333:pipeline/some",
    ("sagemaker", "pipelineexecutionarn"): "arn:aws:sagemaker:us-east-1:111122223333:pipeline/some/execution/x1",
    ("sagemaker", "pipelinename"): "some",
    ("sagemaker", "trialcomponentname"): "some",
    ("sns", "targetarn"): "arn:aws:sns:us-east-1:111122223333:some-topic",
    ("events", "arn"): "arn:aws:events:us-east-1:111122223333:rule/some-rule",
    ("lambda", "resource"): "arn:aws:lambda:us-east-1:111122223333:function:some-function",
    ("scheduler", "resourcearn"): "arn:aws:scheduler:us-east-1:111122223333:schedule-group/some-group",
    ("sns", "resourcearn"): "arn:aws:sns:us-east-1:111122223333:some-topic",
    ("sns", "subscriptionarn"): "arn:aws:sns:us-east-1:111122223333:some-topic:00000000-0000-0000-0000-000000000000",
    ("sns", "topicarn"): "arn:aws:sns:us-east-1:111122223333:some-topic",
    ("sqs", "queueurl"): "http://localhost/111122223333/some-queue",
    ("ssm", "resourcetype"): "Parameter",
}
# In messages to subscribers: whoever has the token, or the random part of the ARN, may follow them, also unsigned.
LINKS = {("sns", "ConfirmSubscription"), ("sns", "Unsubscribe")}
OPEN = LINKS | {
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
    # They name a pipeline only through a token; the check comes once that is found (tests/system/test_pipelines.py).
    ("sagemaker", "SendPipelineExecutionStepFailure"),
    ("sagemaker", "SendPipelineExecutionStepSuccess"),
}


def call(client: Any, operation: str, account: str = "111122223333") -> dict[str, Any]:
    """Send the smallest correct request, with ARNs of `account`."""
    answer = getattr(client, botocore.xform_name(operation))(**smallest_request(client, operation, account))
    assert isinstance(answer, dict)
    return answer


def smallest_request(client: Any, operation: str, account: str) -> dict[str, Any]:
    service = client.meta.service_model
    shape = service.operation_model(operation).input_shape
    parameters = sample(shape, service.service_name) if shape else {}
    request: dict[str, Any] = _in_account({**parameters, **COMPLETED.get(operation, {})}, account)
    return request


def _in_account(value: Any, account: str) -> Any:
    if isinstance(value, dict):
        return {name: _in_account(item, account) for name, item in value.items()}
    if isinstance(value, list):
        return [_in_account(item, account) for item in value]
    return value.replace("111122223333", account) if isinstance(value, str) else value


def sample(shape: Any, service: str, member: str = "") -> Any:
    """The smallest value that a shape's own rules allow."""
    if shape.type_name == "structure":
        return {name: sample(shape.members[name], service, name.lower()) for name in shape.required_members}
    if shape.type_name == "list":
        return [sample(shape.member, service, member)] * max(1, shape.metadata.get("min", 1))
    if shape.type_name == "map":
        return {"k": sample(shape.value, service)}
    if shape.type_name in {"integer", "long", "float", "double"}:
        return shape.metadata.get("min", 1)
    if shape.type_name == "boolean":
        return True
    if shape.type_name == "timestamp":
        return 0
    if shape.type_name == "blob":
        return b"x"
    if (service, member) in TEXTS:
        return TEXTS[service, member]
    return shape.enum[0] if shape.enum else sample_text(shape.name.lower(), member, shape)


def sample_text(name: str, member: str, shape: Any) -> str:
    if member == "rolearn":
        return ROLE
    if "arn" in name:
        return "arn:aws:sagemaker:us-east-1:111122223333:model/some-model-name"
    if name.endswith("uri"):
        return "s3://some-bucket/key"
    return "x" * max(shape.metadata.get("min", 1), 3)


@pytest.fixture(scope="module")
def powerless(server: Server) -> dict[str, Any]:
    """Arguments of a client whose role allows nothing."""
    iam, sts = server.client("iam"), server.client("sts")
    server.client("s3").create_bucket(Bucket="xxx")
    account = server.installation.account
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = iam.create_role(RoleName="Powerless", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    given = sts.assume_role(RoleArn=role, RoleSessionName="nobody")["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
        "config": Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    }


@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_a_role_without_policies_may_do_nothing(
    server: Server, powerless: dict[str, Any], service: str, operation: str
) -> None:
    client = server.client(service, **powerless)
    if (service, operation) in OPEN:
        return
    if (service, operation) == ("sagemaker", "BatchDescribeModelPackage"):
        failed = call(client, operation)["BatchDescribeModelPackageErrorMap"]
        assert [error["ErrorCode"] for error in failed.values()] == ["AccessDeniedException"]
        return
    if (service, operation) == ("sagemaker-metrics", "BatchGetMetrics"):
        (result,) = call(client, operation, server.installation.account)["MetricQueryResults"]
        assert result["Status"] == "ValidationError"
        assert "is not authorized to perform: sagemaker:BatchGetMetrics on resource" in result["Message"]
        return
    if (service, operation) == ("s3", "DeleteObjects"):
        assert [error["Code"] for error in call(client, operation)["Errors"]] == ["AccessDenied"]
        return
    with pytest.raises(ClientError) as refused:
        call(client, operation)
    assert refused.value.response["Error"]["Code"] in DENIALS, refused.value.response["Error"]


@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_nothing_is_answered_unsigned(server: Server, service: str, operation: str) -> None:
    if (service, operation) in LINKS:
        return
    unsigned = Config(retries={"total_max_attempts": 1}, parameter_validation=False, signature_version=UNSIGNED)
    if (service, operation) == ("s3", "DeleteObjects"):
        server.client("s3").create_bucket(Bucket="xxx")
        refusals = call(server.client(service, config=unsigned), operation)["Errors"]
        assert [error["Code"] for error in refusals] == ["AccessDenied"]
        return
    client = server.client(service, config=unsigned)
    with pytest.raises(ClientError) as refused:
        call(client, operation)
    rest = client.meta.service_model.protocol.startswith("rest")
    assert refused.value.response["Error"]["Code"] in UNSIGNED_CODES | (NO_BUCKET_CODES if rest else set())


def test_a_denial_names_who_what_and_where(server: Server, powerless: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        server.client("sagemaker", **powerless).describe_model(ModelName="secret")
    message = refused.value.response["Error"]["Message"]
    account = server.installation.account
    assert f"arn:aws:sts::{account}:assumed-role/Powerless/nobody" in message
    assert "sagemaker:DescribeModel" in message
    assert f"arn:aws:sagemaker:us-east-1:{account}:model/secret" in message


WRONG = {
    "key": ({"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}, "UnrecognizedClientException", "InvalidAccessKeyId"),
    "secret": ({"aws_secret_access_key": "x" * 40}, "InvalidSignatureException", "SignatureDoesNotMatch"),
    "token": ({"aws_session_token": "forged"}, "UnrecognizedClientException", "InvalidToken"),
}


@pytest.mark.parametrize("change", WRONG)
def test_wrong_credentials_are_refused(server: Server, change: str) -> None:
    arguments, json_code, s3_code = WRONG[change]
    query_code = {"SignatureDoesNotMatch": s3_code}.get(s3_code, "InvalidClientTokenId")
    expected = {"sagemaker": json_code, "s3": s3_code, "iam": query_code}
    for service, operation in (("sagemaker", "list_models"), ("s3", "list_buckets"), ("iam", "list_roles")):
        with pytest.raises(ClientError) as refused:
            getattr(server.client(service, **arguments), operation)()
        assert refused.value.response["Error"]["Code"] == expected[service]


def test_internal_paths_give_nothing_away(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}/clary/credentials")
    assert refused.value.code == 403
    refused.value.close()


def test_revoked_with_its_role(server: Server) -> None:
    iam = server.client("iam")
    account = server.installation.account
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = iam.create_role(RoleName="Passing", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    given = server.client("sts").assume_role(RoleArn=role, RoleSessionName="some")["Credentials"]
    arguments = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    assert server.client("sts", **arguments).get_caller_identity()["Account"] == account
    iam.delete_role(RoleName="Passing")
    with pytest.raises(ClientError):
        server.client("sts", **arguments).get_caller_identity()
