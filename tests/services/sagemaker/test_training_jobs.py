"""CreateTrainingJob in process: what is refused and with which words, and warm pools."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from clary.services import iam, sagemaker
from clary.services.context import Context
from clary.store import resources
from tests.services.calling import ACCOUNT, NOW, Client, Permissions

ROLE = f"arn:aws:iam::{ACCOUNT}:role/Trainer"
SERVICE = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [SERVICE]})


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    role = Client("iam", iam.OPERATIONS, context, permissions)
    role("CreateRole", RoleName="Trainer", AssumeRolePolicyDocument=TRUST)
    return Client("sagemaker", sagemaker.OPERATIONS, context, permissions)


def request(name: str = "job", mode: str = "File", **changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": mode},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }


GROUP = {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 1}


def channel(source: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    data = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/d", **(source or {})}
    return {"ChannelName": "train", "DataSource": {"S3DataSource": data}, **changes}


AUGMENTED = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]}
STREAMED = "can only be used with Pipe input mode"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"InputDataConfig": [channel(AUGMENTED)]}, "ValidationException", STREAMED),
        ({"InputDataConfig": [channel(AUGMENTED, InputMode="FastFile")]}, "ValidationException", STREAMED),
        ({"InputDataConfig": [channel(CompressionType="Gzip")]}, "ValidationException", STREAMED),
        ({"InputDataConfig": [channel(RecordWrapperType="RecordIO")]}, "ValidationException", STREAMED),
        (
            {"InputDataConfig": [channel({"S3DataType": "AugmentedManifestFile"}, InputMode="Pipe")]},
            "ValidationException",
            "needs AttributeNames",
        ),
        ({"InputDataConfig": [channel({"AttributeNames": ["a"]})]}, "ValidationException", "AugmentedManifestFile"),
        ({"InputDataConfig": [channel({"S3DataType": "Converse"})]}, "NotImplemented", "Converse"),
        ({"InputDataConfig": [channel(), channel()]}, "ValidationException", "Duplicate channel name"),
        (
            {
                "InputDataConfig": [
                    {"ChannelName": "t", "DataSource": {"FileSystemDataSource": {"FileSystemId": "f"}}}
                ]
            },
            "NotImplemented",
            "FileSystemDataSource",
        ),
        (
            {"EnableManagedSpotTraining": True},
            "ValidationException",
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 61, "MaxWaitTimeInSeconds": 60},
            },
            "ValidationException",
            "must be present and be greater",
        ),
        (
            {"EnableManagedSpotTraining": True, "StoppingCondition": {"MaxWaitTimeInSeconds": 60}},
            "ValidationException",
            "must be present and be greater",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 2}},
            "ValidationException",
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
        ),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 0}},
            "ValidationException",
            "at least 1",
        ),
        (
            {"ResourceConfig": {"InstanceGroups": [GROUP, {**GROUP, "InstanceGroupName": "b", "InstanceCount": 0}]}},
            "ValidationException",
            "InstanceCount must be at least 1.",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/tmp/c"}}, "NotImplemented", "outside /opt/ml"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/../c"}}, "NotImplemented", "/opt/ml"),
    ],
)
def test_what_is_refused(client: Client, changes: dict[str, Any], code: str, words: str) -> None:
    assert words in client.fails("CreateTrainingJob", code, **request(**changes)).message
    client.fails("DescribeTrainingJob", "ResourceNotFound", TrainingJobName="job")


@pytest.mark.parametrize(
    "changes",
    [
        {"InputDataConfig": [channel(AUGMENTED, InputMode="Pipe", RecordWrapperType="RecordIO")]},
        {"InputDataConfig": [channel(InputMode="Pipe", CompressionType="Gzip", ShuffleConfig={"Seed": 1})]},
        {"InputDataConfig": [channel({"S3DataType": "ManifestFile"}, InputMode="FastFile")]},
        {"CheckpointConfig": {"S3Uri": "s3://b/c"}},
        {"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/kept/here/"}},
        {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
        },
    ],
)
def test_what_is_taken_is_shown_again(client: Client, changes: dict[str, Any]) -> None:
    client("CreateTrainingJob", **request(**changes))
    shown = client("DescribeTrainingJob", TrainingJobName="job")
    assert {member: shown[member] for member in changes} == changes


def test_where_the_model_will_lie(client: Client) -> None:
    client("CreateTrainingJob", **request())
    raw = {"S3OutputPath": "s3://b/o/", "CompressionType": "NONE"}
    client("CreateTrainingJob", **request("raw", OutputDataConfig=raw))
    shown = [client("DescribeTrainingJob", TrainingJobName=name)["ModelArtifacts"] for name in ("job", "raw")]
    assert [artifact["S3ModelArtifacts"] for artifact in shown] == [
        "s3://b/o/job/output/model.tar.gz",
        "s3://b/o/raw/output/model/",
    ]


# -- warm pools ----------------------------------------------------------------------------------------------------


def kept(name: str, seconds: int = 600, **changes: Any) -> dict[str, Any]:
    instances = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    return request(name, ResourceConfig={**instances, "KeepAlivePeriodInSeconds": seconds}, **changes)


def end(context: Context, name: str, status: str = "Completed", seconds: int = 0) -> None:
    now = NOW + timedelta(seconds=seconds)
    with context.database.write() as tx:
        job = resources.find(tx, context.account, context.region, "training-job", name)
        assert job is not None
        resources.save(tx, job, document={**job.document, "ended": now}, status=status, now=now)


def pool(client: Client, name: str, seconds: int = 0) -> dict[str, Any] | None:
    later = client.at(now=NOW + timedelta(seconds=seconds))
    return later("DescribeTrainingJob", TrainingJobName=name)["WarmPoolStatus"]


def test_a_pool_is_kept_for_its_time(client: Client, context: Context) -> None:
    client("CreateTrainingJob", **kept("one"))
    assert pool(client, "one") == {"Status": "InUse"}
    end(context, "one")
    assert pool(client, "one", 599) == {"Status": "Available", "ResourceRetainedBillableTimeInSeconds": 599}
    assert pool(client, "one", 700) == {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 600}


def test_a_job_like_it_takes_the_pool_over(client: Client, context: Context) -> None:
    client("CreateTrainingJob", **kept("one"))
    end(context, "one")
    later = client.at(now=NOW + timedelta(seconds=60))
    other = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1, "KeepAlivePeriodInSeconds": 9}
    later("CreateTrainingJob", **request("unlike", ResourceConfig=other))
    later("CreateTrainingJob", **request("plain"))
    assert pool(client, "one", 60)["Status"] == "Available"
    later("CreateTrainingJob", **kept("two"))
    reused = {"Status": "Reused", "ReusedByJob": "two", "ResourceRetainedBillableTimeInSeconds": 60}
    assert pool(client, "one", 61) == reused
    later("CreateTrainingJob", **kept("three"))
    assert pool(client, "one", 9000) == reused
    assert pool(client, "two", 61) == {"Status": "InUse"}


def test_a_pool_that_is_over_or_of_a_failed_job_is_not_taken(client: Client, context: Context) -> None:
    for name in ("short", "broken"):
        client("CreateTrainingJob", **kept(name, 30))
    end(context, "short")
    end(context, "broken", "Failed")
    client.at(now=NOW + timedelta(seconds=31))("CreateTrainingJob", **kept("late"))
    assert [pool(client, name, 32)["Status"] for name in ("short", "broken")] == ["Terminated"] * 2


def test_a_pool_may_be_kept_longer_or_given_up(client: Client, context: Context) -> None:
    def update(name: str, seconds: int, at: int) -> None:
        later = client.at(now=NOW + timedelta(seconds=at))
        later("UpdateTrainingJob", TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": seconds})

    for name in ("longer", "given-up", "plain"):
        client("CreateTrainingJob", **(request if name == "plain" else kept)(name))
    for name in ("longer", "given-up", "plain"):
        end(context, name)
    update("longer", 900, 500)
    assert pool(client, "longer", 800)["Status"] == "Available"
    update("given-up", 0, 20)
    over = {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 20}
    assert pool(client, "given-up", 21) == over
    keep = {"KeepAlivePeriodInSeconds": 60}
    for name in ("given-up", "plain"):
        client.at(now=NOW + timedelta(seconds=30)).fails(
            "UpdateTrainingJob", "ValidationException", TrainingJobName=name, ResourceConfig=keep
        )
    client.fails("UpdateTrainingJob", "ResourceNotFound", TrainingJobName="nobody", ResourceConfig=keep)
    debug = {"EnableRemoteDebug": True}
    client.fails("UpdateTrainingJob", "NotImplemented", TrainingJobName="longer", RemoteDebugConfig=debug)
    client("CreateTrainingJob", **kept("running"))
    update("running", 0, 1)
    end(context, "running", seconds=5)
    assert pool(client, "running", 6) == {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 0}


def test_jobs_are_listed_by_the_state_of_their_pool(client: Client, context: Context) -> None:
    for number in range(6):
        client("CreateTrainingJob", **(kept if number % 2 else request)(f"job-{number}"))
    end(context, "job-1", "Stopped")
    end(context, "job-3")

    def listed(status: str, **more: Any) -> tuple[list[str], str | None]:
        page = client("ListTrainingJobs", WarmPoolStatusEquals=status, SortBy="Name", SortOrder="Ascending", **more)
        assert {job["WarmPoolStatus"]["Status"] for job in page["TrainingJobSummaries"]} <= {status}
        return [job["TrainingJobName"] for job in page["TrainingJobSummaries"]], page.get("NextToken")

    names, token = listed("Available", MaxResults=1)
    assert (names, token is not None) == (["job-1"], True)
    assert listed("Available", MaxResults=1, NextToken=token) == (["job-3"], None)
    assert listed("InUse") == (["job-5"], None)
    assert listed("Reused") == listed("Terminated") == ([], None)


def test_describe_tells_the_metrics_of_a_built_in_algorithm(client: Client) -> None:
    image = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
    algorithm = {"TrainingImage": image, "TrainingInputMode": "File"}
    client("CreateTrainingJob", **request(AlgorithmSpecification=algorithm))
    shown = client("DescribeTrainingJob", TrainingJobName="job")["AlgorithmSpecification"]
    assert {"train:msd", "test:msd"} < {item["Name"] for item in shown["MetricDefinitions"]}
    client("CreateTrainingJob", **request("script"))
    own = {
        "TrainingImage": "1/sagemaker-xgboost:1.7-1",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["train"],
    }
    client("CreateTrainingJob", **request("own", AlgorithmSpecification=own))
    for name in ("script", "own"):
        shown = client("DescribeTrainingJob", TrainingJobName=name)["AlgorithmSpecification"]
        assert "MetricDefinitions" not in shown
