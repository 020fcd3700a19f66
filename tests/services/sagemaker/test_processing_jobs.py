"""CreateProcessingJob in process: what is refused, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from clary.services import iam, sagemaker
from clary.services.context import Context
from tests.services.calling import Client, Permissions
from tests.services.sagemaker.test_training_jobs import ROLE, TRUST


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    role = Client("iam", iam.OPERATIONS, context, permissions)
    role("CreateRole", RoleName="Trainer", AssumeRolePolicyDocument=TRUST)
    return Client("sagemaker", sagemaker.OPERATIONS, context, permissions)


def request(**changes: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": "job",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["python"]},
        "ProcessingResources": {"ClusterConfig": cluster},
        **changes,
    }


def given(source: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    place = {"S3Uri": "s3://b/i", "LocalPath": "/opt/ml/processing/i", "S3DataType": "S3Prefix"}
    return {"ProcessingInputs": [{"InputName": "i", "S3Input": {**place, **(source or {})}, **more}]}


def left(target: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    place = {"S3Uri": "s3://b/o", "LocalPath": "/opt/ml/processing/o", "S3UploadMode": "EndOfJob"}
    output = {"OutputName": "o", "S3Output": {**place, **(target or {})}, **more}
    return {"ProcessingOutputConfig": {"Outputs": [output]}}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        (given({"S3CompressionType": "Gzip"}), "ValidationException", "can only be used with S3InputMode Pipe"),
        (given({"LocalPath": "/tmp/i"}), "ValidationException", "must start with /opt/ml/processing/"),
        (given({"LocalPath": "/opt/ml/processing/../i"}), "ValidationException", "must start with"),
        (given(AppManaged=True), "NotImplemented", "AppManaged"),
        (given(DatasetDefinition={"LocalPath": "/x"}), "NotImplemented", "DatasetDefinition"),
        (left(AppManaged=True), "NotImplemented", "AppManaged"),
        (left(FeatureStoreOutput={"FeatureGroupName": "g"}), "NotImplemented", "FeatureStoreOutput"),
        (left({"LocalPath": "/opt/ml/model"}), "ValidationException", "must start with /opt/ml/processing/"),
    ],
)
def test_what_is_refused(client: Client, changes: dict[str, Any], code: str, words: str) -> None:
    assert words in client.fails("CreateProcessingJob", code, **request(**changes)).message
    client.fails("DescribeProcessingJob", "ResourceNotFound", ProcessingJobName="job")


@pytest.mark.parametrize(
    "changes",
    [
        given({"S3InputMode": "Pipe", "S3CompressionType": "Gzip"}),
        given(
            {"S3DataType": "ManifestFile", "S3DataDistributionType": "ShardedByS3Key", "S3CompressionType": "None"}
        ),
        left({"S3UploadMode": "Continuous"}),
    ],
)
def test_what_is_taken_is_shown_again(client: Client, changes: dict[str, Any]) -> None:
    client("CreateProcessingJob", **request(**changes))
    shown = client("DescribeProcessingJob", ProcessingJobName="job")
    assert {member: shown[member] for member in changes} == changes
