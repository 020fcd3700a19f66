"""Codes and texts that SDKs match on, for every operation and situation that has one."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import INSTANCE, SKLEARN, Server

JOB = {
    "AlgorithmSpecification": {"TrainingImage": SKLEARN, "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://tests/o"},
    "ResourceConfig": {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
PROCESSING = {
    "AppSpecification": {"ImageUri": SKLEARN, "ContainerEntrypoint": ["true"]},
    "ProcessingResources": {"ClusterConfig": {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1}},
}

MISSING = [
    ("describe_model", {"ModelName": "none"}, "ValidationException", "Could not find model"),
    ("delete_model", {"ModelName": "none"}, "ValidationException", "Could not find model"),
    ("describe_endpoint", {"EndpointName": "none"}, "ValidationException", "Could not find endpoint"),
    ("delete_endpoint", {"EndpointName": "none"}, "ValidationException", "Could not find endpoint"),
    (
        "update_endpoint",
        {"EndpointName": "none", "EndpointConfigName": "none"},
        "ValidationException",
        "Could not find endpoint",
    ),
    (
        "create_endpoint",
        {"EndpointName": "none", "EndpointConfigName": "none"},
        "ValidationException",
        "Could not find endpoint configuration",
    ),
    (
        "describe_endpoint_config",
        {"EndpointConfigName": "none"},
        "ValidationException",
        "Could not find endpoint configuration",
    ),
    (
        "delete_endpoint_config",
        {"EndpointConfigName": "none"},
        "ValidationException",
        "Could not find endpoint configuration",
    ),
    ("describe_training_job", {"TrainingJobName": "none"}, "ResourceNotFound", "not found"),
    ("stop_training_job", {"TrainingJobName": "none"}, "ResourceNotFound", "not found"),
    ("describe_processing_job", {"ProcessingJobName": "none"}, "ResourceNotFound", "not found"),
    ("stop_processing_job", {"ProcessingJobName": "none"}, "ResourceNotFound", "not found"),
]

INVALID = [
    ("create_model", {"ModelName": "-x"}, "regular expression"),
    ("create_model", {"ModelName": "x" * 64}, "less than or equal to 63"),
    ("list_models", {"MaxResults": 101}, "less than or equal to 100"),
    ("list_models", {"SortBy": "Colour"}, "enum value set"),
    ("list_models", {"NextToken": "forged"}, "NextToken"),
    ("create_model", {"ModelName": "no-image", "PrimaryContainer": {}}, "Image"),
]

UNSERVED = [
    ("create_model", {"ModelName": "m", "PrimaryContainer": {"Image": SKLEARN, "Mode": "MultiModel"}}, "Mode"),
    ("create_hub", {"HubName": "h", "HubDescription": "d"}, "CreateHub"),
    ("list_feature_groups", {}, "ListFeatureGroups"),
]


@pytest.mark.parametrize(("operation", "request_", "code", "text"), MISSING, ids=[row[0] for row in MISSING])
def test_what_does_not_exist(server: Server, operation: str, request_: dict[str, Any], code: str, text: str) -> None:
    error = _error(server, operation, request_)
    assert error["Code"] == code
    assert text in error["Message"]


@pytest.mark.parametrize(("operation", "request_", "text"), INVALID)
def test_what_is_invalid(server: Server, operation: str, request_: dict[str, Any], text: str) -> None:
    error = _error(server, operation, request_)
    assert error["Code"] == "ValidationException"
    assert text in error["Message"]


@pytest.mark.parametrize(("operation", "request_", "name"), UNSERVED, ids=[row[2] for row in UNSERVED])
def test_what_is_not_served_says_so(server: Server, operation: str, request_: dict[str, Any], name: str) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(server.client("sagemaker"), operation)(**request_)
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert name in response["Error"]["Message"]


def test_names_are_taken_once_in_any_case(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    container = {"Image": SKLEARN}
    sagemaker.create_model(ModelName="Taken", PrimaryContainer=container)
    error = _error(server, "create_model", {"ModelName": "taken", "PrimaryContainer": container})
    assert error["Code"] == "ValidationException"
    assert "Cannot create already existing model" in error["Message"]
    assert sagemaker.describe_model(ModelName="TAKEN")["ModelName"] == "Taken"
    assert sagemaker.describe_model(ModelName="Taken")["ModelArn"].endswith(":model/taken")
    job = {**JOB, "TrainingJobName": "taken-job", "RoleArn": server.role}
    sagemaker.create_training_job(**job)
    error = _error(server, "create_training_job", job)
    assert error["Code"] == "ResourceInUse"
    assert "already exists" in error["Message"]
    processing = {**PROCESSING, "ProcessingJobName": "taken-job", "RoleArn": server.role}
    sagemaker.create_processing_job(**processing)
    error = _error(server, "create_processing_job", processing)
    assert error["Code"] == "ResourceInUse"
    assert "already exists" in error["Message"]


def test_lists_filter_sort_and_page(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    for index in range(7):
        sagemaker.create_model(ModelName=f"page-{index}", PrimaryContainer={"Image": SKLEARN})
    pages = sagemaker.get_paginator("list_models").paginate(
        NameContains="PAGE", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 3}
    )
    names = [[model["ModelName"] for model in page["Models"]] for page in pages]
    assert names == [["page-0", "page-1", "page-2"], ["page-3", "page-4", "page-5"], ["page-6"]]
    whole = sagemaker.list_models(NameContains="page-", MaxResults=7)
    assert "NextToken" not in whole
    assert [m["ModelName"] for m in whole["Models"]] == [f"page-{i}" for i in (6, 5, 4, 3, 2, 1, 0)]
    middle = whole["Models"][3]["CreationTime"]
    later = sagemaker.list_models(NameContains="page-", CreationTimeAfter=middle)["Models"]
    assert len(later) == 3
    token = sagemaker.list_models(NameContains="page-", MaxResults=2)["NextToken"]
    with pytest.raises(ClientError, match="NextToken"):
        sagemaker.list_models(NameContains="page-", MaxResults=2, SortBy="Name", NextToken=token)


def test_tags_live_and_die_with_their_resource(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    tags = [{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": "b"}]
    arn = sagemaker.create_model(ModelName="tagged", PrimaryContainer={"Image": SKLEARN}, Tags=tags)["ModelArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [
        {"Key": "Team", "Value": "b"},
        {"Key": "team", "Value": "a"},
    ]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "c"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["Team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "c"}]
    sagemaker.delete_model(ModelName="tagged")
    assert _error(server, "list_tags", {"ResourceArn": arn})["Code"] == "ResourceNotFound"


def _error(server: Server, operation: str, request: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ClientError) as refused:
        getattr(server.client("sagemaker"), operation)(**request)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return refused.value.response["Error"]
