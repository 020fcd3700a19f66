"""Condition keys of requests and resources, and what policies make of them."""

from __future__ import annotations

from typing import Any

import pytest

from clary.access.callers import Caller
from clary.access.documents import parse_policy
from clary.access.evaluation import PolicySet
from clary.access.principals import user_principal
from clary.base.errors import AccessDenied
from clary.control.authorization import Authorization, connection_keys
from clary.control.condition_keys import request_keys, resource_tag_keys
from clary.wire.http import RequestHead
from tests.access.documents import allow, deny, policy, text_of

TRAINING = {
    "ResourceConfig": {"InstanceType": "ml.m5.large", "VolumeKmsKeyId": "k-1", "KeepAlivePeriodInSeconds": 60},
    "VpcConfig": {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
    "EnableNetworkIsolation": True,
    "EnableInterContainerTrafficEncryption": False,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    "OutputDataConfig": {"S3OutputPath": "s3://b", "KmsKeyId": "k-2"},
    "HyperParameters": {"InstanceType": "ml.p4d.24xlarge"},
}
TRAINED = {
    "sagemaker:instancetypes": ["ml.m5.large"],
    "sagemaker:vpcsubnets": ["subnet-1", "subnet-2"],
    "sagemaker:vpcsecuritygroupids": ["sg-1"],
    "sagemaker:networkisolation": "true",
    "sagemaker:intercontainertrafficencryption": "false",
    "sagemaker:volumekmskey": "k-1",
    "sagemaker:outputkmskey": "k-2",
    "sagemaker:maxruntimeinseconds": "3600",
    "sagemaker:keepaliveperiod": "60",
}
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("sagemaker", "CreateTrainingJob", TRAINING, TRAINED),
    ("sagemaker", "CreateHyperParameterTuningJob", {"TrainingJobDefinition": TRAINING}, TRAINED),
    (
        "sagemaker",
        "CreateHyperParameterTuningJob",
        {"TrainingJobDefinitions": [{"EnableNetworkIsolation": True}, {"EnableNetworkIsolation": False}]},
        {"sagemaker:networkisolation": "false"},
    ),
    (
        "sagemaker",
        "CreateProcessingJob",
        {
            "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.c5.large"}},
            "NetworkConfig": {"EnableNetworkIsolation": True, "VpcConfig": {"Subnets": ["subnet-1"]}},
        },
        {
            "sagemaker:instancetypes": ["ml.c5.large"],
            "sagemaker:networkisolation": "true",
            "sagemaker:vpcsubnets": ["subnet-1"],
        },
    ),
    (
        "sagemaker",
        "CreateEndpointConfig",
        {"ProductionVariants": [{"InstanceType": "ml.m5.large"}, {"InstanceType": "ml.g5.xlarge"}]},
        {"sagemaker:instancetypes": ["ml.m5.large", "ml.g5.xlarge"]},
    ),
    (
        "sagemaker",
        "CreateTransformJob",
        {"TransformResources": {"InstanceType": "ml.m5.large"}},
        {"sagemaker:instancetypes": ["ml.m5.large"]},
    ),
    (
        "sagemaker",
        "UpdateModelPackage",
        {"ModelApprovalStatus": "Approved", "CustomerMetadataProperties": {"Stage": "prod"}},
        {"sagemaker:modelapprovalstatus": "Approved", "sagemaker:customermetadataproperties/stage": "prod"},
    ),
    (
        "sagemaker",
        "AddTags",
        {"Tags": [{"Key": "Team", "Value": "fraud"}]},
        {"aws:requesttag/team": "fraud", "aws:tagkeys": ["Team"]},
    ),
    ("sagemaker", "DeleteTags", {"TagKeys": ["Team"]}, {"aws:tagkeys": ["Team"]}),
    ("lambda", "TagResource", {"Tags": {"Team": "x"}}, {"aws:requesttag/team": "x", "aws:tagkeys": ["Team"]}),
    ("sqs", "CreateQueue", {"tags": {"Team": "x"}}, {"aws:requesttag/team": "x", "aws:tagkeys": ["Team"]}),
    ("iam", "AttachUserPolicy", {"PolicyArn": "arn:x", "UserName": "u"}, {"iam:policyarn": "arn:x"}),
    ("iam", "CreateUser", {"PermissionsBoundary": "arn:x"}, {"iam:permissionsboundary": "arn:x"}),
    ("sagemaker", "DescribeTrainingJob", {"TrainingJobName": "x"}, {}),
    ("sagemaker", "CreateModel", {"Tags": None, "VpcConfig": None}, {}),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "expected"), CASES)
def test_keys_of_requests(service: str, operation: str, parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    assert request_keys(service, operation, parameters) == expected


def test_keys_of_resources() -> None:
    tags = {"Team": "fraud"}
    both = {"aws:resourcetag/team": "fraud", "sagemaker:resourcetag/team": "fraud"}
    assert resource_tag_keys("sagemaker:DescribeModel", tags) == both
    assert resource_tag_keys("sqs:SendMessage", tags) == {"aws:resourcetag/team": "fraud"}


def test_keys_of_connections() -> None:
    headers = {"x-clary-client": "10.1.2.3", "x-clary-scheme": "https", "user-agent": "aws-cli/2", "referer": "r"}
    assert connection_keys(RequestHead("POST", "/", "", headers), "eu-west-1") == {
        "aws:sourceip": "10.1.2.3",
        "aws:securetransport": "true",
        "aws:useragent": "aws-cli/2",
        "aws:referer": "r",
        "aws:requestedregion": "eu-west-1",
        "aws:viaawsservice": "false",
    }


MODEL = "arn:aws:sagemaker:us-east-1:111122223333:model/m"


def authorization(*statements: dict[str, Any], tags: dict[str, str] | None = None) -> Authorization:
    who = user_principal("arn:aws:iam::111122223333:user/alice", "AIDAALICE00000000000")
    documents = (parse_policy(text_of(policy(*statements))),)
    made = Authorization(Caller(who, "", PolicySet(identity=documents), {"aws:principaltag/team": "fraud"}), {})
    if tags is not None:
        made.resource_tags = lambda resource: tags if resource == MODEL else {}
    return made


def test_what_belongs_to_the_own_team() -> None:
    """Attribute-based access: the tag of the person and the tag of the thing must be the same."""
    same = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    statement = allow("sagemaker:*", when=same)
    authorization(statement, tags={"Team": "fraud"})("sagemaker:DescribeModel", MODEL)
    for tags in ({"Team": "other"}, {}, None):
        with pytest.raises(AccessDenied):
            authorization(statement, tags=tags)("sagemaker:DescribeModel", MODEL)


def test_tags_are_looked_up_only_when_a_policy_asks() -> None:
    made = authorization(allow("*"))
    made.resource_tags = lambda _: pytest.fail("no policy asks for tags")
    made("sagemaker:DescribeModel", MODEL)


def test_instance_types_may_be_limited() -> None:
    small = {"ForAllValues:StringLike": {"sagemaker:InstanceTypes": ["ml.m5.*", "ml.t3.*"]}}
    made = authorization(allow("sagemaker:CreateTrainingJob", when=small))
    made("sagemaker:CreateTrainingJob", "*", request_keys("sagemaker", "CreateTrainingJob", TRAINING))
    large = {
        "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge"},
        "HyperParameters": {"InstanceType": "ml.m5.large"},
    }
    with pytest.raises(AccessDenied):
        made("sagemaker:CreateTrainingJob", "*", request_keys("sagemaker", "CreateTrainingJob", large))


def test_a_denial_names_the_statement() -> None:
    refusing = {**deny("sagemaker:DeleteModel"), "Sid": "KeepModels"}
    with pytest.raises(AccessDenied) as refused:
        authorization(allow("*"), refusing)("sagemaker:DeleteModel", MODEL)
    assert refused.value.message == (
        "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sagemaker:DeleteModel on resource: "
        f"{MODEL} with an explicit deny in an identity-based policy (statement KeepModels)"
    )
