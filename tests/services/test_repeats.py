"""Idempotency tokens: a repeated request gets its first answer; another request under the same token is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.services.context import Context
from clary.services.iam import OPERATIONS as IAM
from clary.services.sagemaker import OPERATIONS as SAGEMAKER
from clary.services.scheduler import OPERATIONS as SCHEDULER
from clary.store import resources
from tests.services.calling import ACCOUNT, Client, Permissions

ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
TOKEN = "t" * 32


@pytest.fixture
def sagemaker(context: Context, permissions: Permissions) -> Client:
    services = ["sagemaker.amazonaws.com", "scheduler.amazonaws.com"]
    trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    Client("iam", IAM, context, permissions)("CreateRole", RoleName="r", AssumeRolePolicyDocument=document)
    return Client("sagemaker", SAGEMAKER, context, permissions)


@pytest.fixture
def scheduler(sagemaker: Client, context: Context, permissions: Permissions) -> Client:
    return Client("scheduler", SCHEDULER, context, permissions)


def twice(client: Client, operation: str, changes: dict[str, Any], **request: Any) -> dict[str, Any]:
    """The answer, after the same request was repeated, and refused with these changes."""
    answer = client(operation, **request)
    assert client(operation, **request) == answer
    refused = client.fails(operation, "ConflictException", **{**request, **changes})
    assert "was used before, in a request with other parameters" in refused.message
    assert client(operation, **request) == answer
    return answer


def pipeline(token: str = TOKEN) -> dict[str, Any]:
    step = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": "over"}}
    parameter = {"Name": "P", "Type": "String", "DefaultValue": "1"}
    text = json.dumps({"Version": "2020-12-01", "Parameters": [parameter], "Steps": [step]})
    return {"PipelineName": "p", "PipelineDefinition": text, "RoleArn": ROLE, "ClientRequestToken": token}


def ended(client: Client, arn: str, *statuses: str) -> None:
    """As the engine would leave the execution."""
    context = client.context
    with context.database.write() as tx:
        for status in statuses:
            row = resources.find_by_arn(tx, arn)
            assert row is not None
            resources.save(tx, row, status=status, now=context.now)


def test_pipelines(sagemaker: Client) -> None:
    twice(sagemaker, "CreatePipeline", {"PipelineDescription": "other"}, **pipeline())
    sagemaker.fails("CreatePipeline", "ValidationException", **pipeline("u" * 32))


def test_a_pipeline_is_deleted_once(sagemaker: Client) -> None:
    sagemaker("CreatePipeline", **pipeline())
    delete = {"PipelineName": "p", "ClientRequestToken": TOKEN}
    sagemaker("DeletePipeline", **delete)
    twice(sagemaker, "DeletePipeline", {"PipelineName": "q"}, **delete)
    sagemaker("CreatePipeline", **pipeline("u" * 32))
    sagemaker("DeletePipeline", **delete)
    sagemaker("DescribePipeline", PipelineName="p")
    sagemaker.at(now=sagemaker.context.now + timedelta(days=2))("DeletePipeline", **delete)
    sagemaker.fails("DescribePipeline", "ResourceNotFound", PipelineName="p")


def test_executions(sagemaker: Client) -> None:
    sagemaker("CreatePipeline", **pipeline())
    other = {"PipelineParameters": [{"Name": "P", "Value": "2"}]}
    start = {"PipelineName": "p", "ClientRequestToken": TOKEN}
    arn = twice(sagemaker, "StartPipelineExecution", other, **start)["PipelineExecutionArn"]
    by_arn = arn.split("/execution/")[0]
    again = sagemaker("StartPipelineExecution", PipelineName=by_arn, ClientRequestToken=TOKEN)
    assert again["PipelineExecutionArn"] == arn
    stop = {"PipelineExecutionArn": arn, "ClientRequestToken": TOKEN}
    sagemaker("StopPipelineExecution", **stop)
    ended(sagemaker, arn, "Stopped")
    sagemaker("StopPipelineExecution", **stop)
    sagemaker.fails("StopPipelineExecution", "ConflictException", **{**stop, "ClientRequestToken": "u" * 32})
    wider = {"ParallelismConfiguration": {"MaxParallelExecutionSteps": 2}}
    twice(sagemaker, "RetryPipelineExecution", wider, PipelineExecutionArn=arn, ClientRequestToken=TOKEN)


def test_versions_of_models(sagemaker: Client) -> None:
    sagemaker("CreateModelPackageGroup", ModelPackageGroupName="g")
    request = {"ModelPackageGroupName": "g", "SourceUri": "s3://b/m", "ClientToken": "once"}
    twice(sagemaker, "CreateModelPackage", {"SourceUri": "s3://b/n"}, **request)
    second = sagemaker("CreateModelPackage", **{**request, "ClientToken": "twice"})
    assert second["ModelPackageArn"].endswith("/2")


def test_a_version_of_a_model_that_is_gone_since(sagemaker: Client) -> None:
    sagemaker("CreateModelPackageGroup", ModelPackageGroupName="g")
    model = sagemaker("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"})["ModelArn"]
    request = {"ModelPackageGroupName": "g", "SourceUri": model, "ClientToken": "once"}
    made = sagemaker("CreateModelPackage", **request)
    sagemaker("DeleteModel", ModelName="m")
    assert sagemaker("CreateModelPackage", **request) == made


def test_a_version_is_changed_once(sagemaker: Client) -> None:
    sagemaker("CreateModelPackageGroup", ModelPackageGroupName="g")
    arn = sagemaker("CreateModelPackage", ModelPackageGroupName="g", SourceUri="s3://b/m")["ModelPackageArn"]
    request = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved", "ClientToken": "once"}
    sagemaker("UpdateModelPackage", **request)
    sagemaker("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    twice(sagemaker, "UpdateModelPackage", {"ModelApprovalStatus": "Rejected"}, **request)
    assert sagemaker("DescribeModelPackage", ModelPackageName=arn)["ModelApprovalStatus"] == "Rejected"


def test_schedules(scheduler: Client) -> None:
    twice(scheduler, "CreateScheduleGroup", {"Tags": [{"Key": "a", "Value": "b"}]}, Name="g", ClientToken="once")
    request = {
        "Name": "s",
        "ClientToken": "once",
        "ScheduleExpression": "rate(1 day)",
        "StartDate": datetime(2027, 1, 1, tzinfo=UTC),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", "RoleArn": ROLE},
    }
    twice(scheduler, "CreateSchedule", {"ScheduleExpression": "rate(2 days)"}, **request)
    scheduler("UpdateSchedule", **{**request, "ScheduleExpression": "rate(3 days)"})
    scheduler("UpdateSchedule", **{**request, "ScheduleExpression": "rate(4 days)", "ClientToken": "later"})
    other = {"ScheduleExpression": "rate(5 days)"}
    twice(scheduler, "UpdateSchedule", other, **{**request, "ScheduleExpression": "rate(3 days)"})
    assert scheduler("GetSchedule", Name="s")["ScheduleExpression"] == "rate(4 days)"
    scheduler("CreateSchedule", **request)
    scheduler.fails("CreateSchedule", "ConflictException", **{**request, "ClientToken": "other"})
    scheduler("DeleteSchedule", Name="s", ClientToken="gone")
    twice(scheduler, "DeleteSchedule", {"Name": "t"}, Name="s", ClientToken="gone")
    scheduler("DeleteScheduleGroup", Name="g", ClientToken="gone")
    twice(scheduler, "DeleteScheduleGroup", {"Name": "h"}, Name="g", ClientToken="gone")
    scheduler.fails("DeleteSchedule", "ResourceNotFoundException", Name="s", ClientToken="new")
