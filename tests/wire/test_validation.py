from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.base.errors import ApiError
from clary.wire.catalog import Catalog
from clary.wire.routing import Target
from clary.wire.validation import validate
from tests.wire.samples import Sampler

CATALOG = Catalog()
NAME_PATTERN = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"


def target(service: str, operation: str) -> Target:
    return Target(service, CATALOG.operation(service, operation), CATALOG.facts[service].protocols[0])


def message(service: str, operation: str, params: dict[str, Any]) -> str:
    with pytest.raises(ApiError) as caught:
        validate(target(service, operation), params)
    assert caught.value.status == 400
    return caught.value.message


def failed(path: str, value: str, constraint: str) -> str:
    return f"1 validation error detected: Value {value} at '{path}' failed to satisfy constraint: {constraint}"


def test_correct_parameters_pass() -> None:
    validate(target("sagemaker", "DescribeTrainingJob"), {"TrainingJobName": "a-b"})
    validate(target("sts", "GetCallerIdentity"), {})
    validate(target("s3", "PutObject"), {"Bucket": "b", "Key": "k", "StorageClass": "STANDARD"})


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        (
            "sagemaker",
            "DescribeTrainingJob",
            {"TrainingJobName": "a_b"},
            failed("trainingJobName", "'a_b'", f"Member must satisfy regular expression pattern: {NAME_PATTERN}"),
        ),
        (
            "sagemaker",
            "DescribeTrainingJob",
            {"TrainingJobName": "_" * 64},
            failed("trainingJobName", f"'{'_' * 64}'", "Member must have length less than or equal to 63"),
        ),
        (
            "sagemaker",
            "DescribeTrainingJob",
            {"TrainingJobName": ""},
            failed("trainingJobName", "''", "Member must have length greater than or equal to 1"),
        ),
        (
            "sagemaker",
            "DescribeTrainingJob",
            {},
            failed("trainingJobName", "null", "Member must not be null"),
        ),
        (
            "sagemaker",
            "ListTrainingJobs",
            {"MaxResults": 0},
            failed("maxResults", "'0'", "Member must have value greater than or equal to 1"),
        ),
        (
            "sagemaker",
            "ListTrainingJobs",
            {"MaxResults": 101},
            failed("maxResults", "'101'", "Member must have value less than or equal to 100"),
        ),
        (
            "sagemaker",
            "ListTrainingJobs",
            {"SortOrder": "Up"},
            failed("sortOrder", "'Up'", "Member must satisfy enum value set: [Ascending, Descending]"),
        ),
        (
            "sagemaker",
            "AddTags",
            {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/m", "Tags": [{"Key": "k"}]},
            failed("tags.1.member.value", "null", "Member must not be null"),
        ),
        (
            "sagemaker",
            "CreateEndpointConfig",
            {"EndpointConfigName": "e", "ProductionVariants": []},
            failed("productionVariants", "'[]'", "Member must have length greater than or equal to 1"),
        ),
    ],
)
def test_wording(service: str, operation: str, params: dict[str, Any], expected: str) -> None:
    assert message(service, operation, params) == expected


def test_several_errors_are_counted_and_joined() -> None:
    text = message("sagemaker", "ListTrainingJobs", {"MaxResults": 0, "SortBy": "x"})
    assert text.startswith("2 validation errors detected: Value '0' at 'maxResults' failed")
    assert "; Value 'x' at 'sortBy' failed to satisfy constraint: Member must satisfy enum value set: [" in text


def test_lists_and_maps_name_all_constraints_of_their_members() -> None:
    text = message("sagemaker", "DeleteTags", {"ResourceArn": "arn:aws:sagemaker:a:1:x", "TagKeys": ["a", "k" * 129]})
    assert (
        "at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length" in text
    )
    assert "Member must not be null]" in text
    job = {
        "TrainingJobName": "t",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "OutputDataConfig": {"S3OutputPath": "s3://b/k"},
        "StoppingCondition": {},
        "HyperParameters": {"k" * 257: "v"},
    }
    assert (
        "at 'hyperParameters' failed to satisfy constraint: Map keys must satisfy constraint: [Member must"
        in message("sagemaker", "CreateTrainingJob", job)
    )
    job["HyperParameters"] = {"k": "v" * 3000}
    text = message("sagemaker", "CreateTrainingJob", job)
    assert "Map value must satisfy constraint: [Member must have length less than or equal to 2500" in text
    assert len(text) < 2000


def test_null_items_are_refused() -> None:
    params = {"ResourceArn": "arn:aws:sagemaker:a:1:x", "Tags": [None]}
    assert "Value null at 'tags.1.member' failed" in message("sagemaker", "AddTags", params)
    assert "Member must not be null" in message("sagemaker", "DeleteTags", params | {"TagKeys": [None]})


def test_secrets_are_not_repeated() -> None:
    text = message(
        "secretsmanager", "CreateSecret", {"Name": "n", "ClientRequestToken": "t" * 32, "SecretString": ""}
    )
    assert text == (
        "1 validation error detected: Value at 'secretString' failed to satisfy constraint:"
        " Member must have length greater than or equal to 1"
    )


@pytest.mark.parametrize(
    "union", [{}, {"TabularJobConfig": {"TargetAttributeName": "a"}, "ImageClassificationJobConfig": {}}]
)
def test_unions_have_exactly_one_member(union: dict[str, Any]) -> None:
    params = {
        "AutoMLJobName": "j",
        "AutoMLJobInputDataConfig": [{}],
        "OutputDataConfig": {"S3OutputPath": "s3://b/k"},
        "RoleArn": "arn:aws:iam::123456789012:role/r",
    }
    good = params | {"AutoMLProblemTypeConfig": {"ImageClassificationJobConfig": {}}}
    validate(target("sagemaker", "CreateAutoMLJobV2"), good)
    text = message("sagemaker", "CreateAutoMLJobV2", params | {"AutoMLProblemTypeConfig": union})
    assert text == failed("autoMLProblemTypeConfig", "", "Exactly one member must be set").replace(
        "Value  at", "Value at"
    )


def test_at_most_fifty_errors_are_told() -> None:
    params = {"ResourceArn": "arn:aws:sagemaker:a:1:x", "Tags": [{"Key": "", "Value": "v"}] * 500}
    assert message("sagemaker", "AddTags", params).startswith("50 validation errors detected: ")


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("sagemaker", "DescribeModel", {"ModelName": ""}, "ValidationException"),
        ("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "a_b"}, "ValidationError"),
        ("iam", "GetRole", {"RoleName": ""}, "ValidationError"),
        ("sts", "AssumeRole", {}, "ValidationError"),
        ("logs", "CreateLogGroup", {"logGroupName": ""}, "InvalidParameterException"),
        ("events", "DeleteRule", {"Name": "a b"}, "ValidationException"),
        ("ecr", "CreateRepository", {"repositoryName": "A"}, "InvalidParameterException"),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "StorageClass": "COLD"}, "InvalidStorageClass"),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "ACL": "everyone"}, "InvalidArgument"),
        ("s3", "PutBucketVersioning", {"Bucket": "b", "VersioningConfiguration": {"Status": "on"}}, "MalformedXML"),
        ("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{}]}}, "MalformedXML"),
        ("s3", "DeleteObjects", {"Bucket": "b"}, "MissingRequestBodyError"),
        ("s3", "CopyObject", {"Bucket": "b", "Key": "k"}, "InvalidArgument"),
        ("s3", "UploadPart", {"Bucket": "b", "Key": "k", "PartNumber": 1}, "InvalidArgument"),
    ],
)
def test_each_service_has_its_code(service: str, operation: str, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ApiError) as caught:
        validate(target(service, operation), params)
    assert (caught.value.code, caught.value.status) == (code, 400)


def test_s3_regions_are_left_to_the_service() -> None:
    config = {"LocationConstraint": "us-east-1"}
    validate(target("s3", "CreateBucket"), {"Bucket": "b", "CreateBucketConfiguration": config})


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), service=st.sampled_from([name for name in CATALOG.services if name != "s3"]))
def test_random_parameters_pass_or_are_refused_with_400(seed: int, service: str) -> None:
    sampler = Sampler(seed)
    operation = CATALOG.operation(service, sampler.random.choice(CATALOG.service(service).operation_names))
    if operation.input_shape is None:
        return
    error = refusal(Target(service, operation, "json"), sampler.value(operation.input_shape))
    assert error is None or (error.status == 400 and "validation error" in error.message)


def refusal(request: Target, params: dict[str, Any]) -> ApiError | None:
    try:
        validate(request, params)
    except ApiError as error:
        return error
    return None
