"""The API of pipelines through boto3, as far as it needs no step that runs."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import Server, put

PARAMETERS = [
    {"Name": "Limit", "Type": "Float", "DefaultValue": 0.5},
    {"Name": "Loud", "Type": "Boolean", "DefaultValue": True},
]


def definition(message: Any = "no", **members: Any) -> str:
    step = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    return json.dumps({"Version": "2020-12-01", "Parameters": PARAMETERS, "Steps": [step], **members})


def make(server: Server, name: str, **changes: Any) -> Any:
    sagemaker = server.client("sagemaker")
    request = {"PipelineName": name, "PipelineDefinition": definition(), "RoleArn": server.role, **changes}
    return sagemaker, sagemaker.create_pipeline(**request)["PipelineArn"]


def test_a_pipeline_is_made_changed_and_deleted(server: Server) -> None:
    sagemaker, arn = make(server, "Api-Life", PipelineDescription="first", Tags=[{"Key": "k", "Value": "v"}])
    assert arn.endswith(":pipeline/api-life")
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    changed = sagemaker.update_pipeline(
        PipelineName="api-life",
        PipelineDefinition=definition("two"),
        ParallelismConfiguration={"MaxParallelExecutionSteps": 3},
    )
    assert changed["PipelineVersionId"] == 2
    shown = sagemaker.describe_pipeline(PipelineName=arn)
    assert shown["PipelineName"] == "Api-Life"
    assert shown["PipelineDescription"] == "first"
    assert shown["PipelineStatus"] == "Active"
    assert shown["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 3}
    assert shown["PipelineDefinition"] == definition("two")
    assert shown["CreationTime"] < shown["LastModifiedTime"]
    first = sagemaker.describe_pipeline(PipelineName="Api-Life", PipelineVersionId=1)
    assert first["PipelineDefinition"] == definition()
    sagemaker.update_pipeline_version(PipelineArn=arn, PipelineVersionId=1, PipelineVersionDisplayName="old")
    versions = sagemaker.list_pipeline_versions(PipelineName=arn)["PipelineVersionSummaries"]
    assert [version["PipelineVersionId"] for version in versions] == [2, 1]
    assert versions[1]["PipelineVersionDisplayName"] == "old"
    sagemaker.delete_pipeline(PipelineName="Api-Life")
    with pytest.raises(ClientError, match="does not exist") as refused:
        sagemaker.describe_pipeline(PipelineName="Api-Life")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"
    assert make(server, "Api-Life")[1] == arn


def test_a_second_pipeline_of_the_name_is_refused_unless_it_is_the_same_call(server: Server) -> None:
    token = uuid.uuid4().hex
    _, arn = make(server, "api-twice", ClientRequestToken=token)
    assert make(server, "api-twice", ClientRequestToken=token)[1] == arn
    with pytest.raises(ClientError, match="already exists") as refused:
        make(server, "api-twice")
    assert refused.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        (definition({"Get": "Steps.Gone.X"}), "no step Gone"),
        (definition({"Get": "Parameters.Gone"}), "no such parameter"),
    ],
)
def test_a_wrong_definition_is_refused_at_once(server: Server, text: str, words: str) -> None:
    with pytest.raises(ClientError, match=words) as refused:
        make(server, "api-wrong", PipelineDefinition=text)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_definition_may_be_in_s3(server: Server) -> None:
    put(server, "pipeline-texts", "a/definition.json", definition("from s3").encode())
    sagemaker = server.client("sagemaker")
    place = {"Bucket": "pipeline-texts", "ObjectKey": "a/definition.json"}
    sagemaker.create_pipeline(PipelineName="api-s3", PipelineDefinitionS3Location=place, RoleArn=server.role)
    assert sagemaker.describe_pipeline(PipelineName="api-s3")["PipelineDefinition"] == definition("from s3")
    for wrong in ({**place, "ObjectKey": "gone"}, {**place, "Bucket": "pipeline-texts-gone"}):
        with pytest.raises(ClientError, match="There is no") as refused:
            sagemaker.update_pipeline(PipelineName="api-s3", PipelineDefinitionS3Location=wrong)
        assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_an_execution_is_started_once_per_token(server: Server) -> None:
    sagemaker, arn = make(server, "Api-Start")
    token = uuid.uuid4().hex
    request = {
        "PipelineName": "Api-Start",
        "ClientRequestToken": token,
        "PipelineParameters": [{"Name": "Limit", "Value": "0.75"}],
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": 2},
    }
    execution = sagemaker.start_pipeline_execution(**request)["PipelineExecutionArn"]
    assert sagemaker.start_pipeline_execution(**request)["PipelineExecutionArn"] == execution
    sagemaker.update_pipeline(PipelineName="Api-Start", PipelineDefinition=definition("later"))
    other = sagemaker.start_pipeline_execution(PipelineName=arn)["PipelineExecutionArn"]
    listed = sagemaker.list_pipeline_executions(PipelineName=arn)["PipelineExecutionSummaries"]
    assert [item["PipelineExecutionArn"] for item in listed] == [other, execution]
    shown = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
    assert shown["PipelineArn"] == arn
    assert shown["PipelineVersionId"] == 1
    assert shown["PipelineExperimentConfig"] == {"ExperimentName": "Api-Start", "TrialName": execution[-12:]}
    assert shown["PipelineExecutionDisplayName"].startswith("execution-")
    assert shown["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 2}
    assert shown["CreatedBy"]["IamIdentity"]["Arn"]
    text = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=execution)
    assert text["PipelineDefinition"] == definition()
    parameters = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=execution)
    assert parameters["PipelineParameters"] == [
        {"Name": "Limit", "Value": "0.75"},
        {"Name": "Loud", "Value": "true"},
    ]
    latest = sagemaker.list_pipeline_versions(PipelineName=arn)["PipelineVersionSummaries"][0]
    assert latest["LastExecutionPipelineExecutionArn"] == other


def test_wrong_starts_are_refused(server: Server) -> None:
    sagemaker, _ = make(server, "api-refuse")
    for changes, words in (
        ({"PipelineParameters": [{"Name": "Limit", "Value": "much"}]}, "Float"),
        ({"PipelineParameters": [{"Name": "Gone", "Value": "1"}]}, "Gone"),
        ({"PipelineParameters": [{"Name": "Limit", "Value": "1"}, {"Name": "Limit", "Value": "2"}]}, "twice"),
        ({"PipelineVersionId": 9}, "no version 9"),
        ({"SelectiveExecutionConfig": {"SelectedSteps": [{"StepName": "Gone"}]}}, "Gone"),
    ):
        with pytest.raises(ClientError, match=words):
            sagemaker.start_pipeline_execution(PipelineName="api-refuse", **changes)
    assert sagemaker.list_pipeline_executions(PipelineName="api-refuse")["PipelineExecutionSummaries"] == []


def test_lists_are_sorted_filtered_and_paged(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    for letter in "bac":
        make(server, f"api-list-{letter}")
    request = {"PipelineNamePrefix": "api-list", "SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 2}
    first = sagemaker.list_pipelines(**request)
    second = sagemaker.list_pipelines(**request, NextToken=first["NextToken"])
    assert "NextToken" not in second
    names = [item["PipelineName"] for page in (first, second) for item in page["PipelineSummaries"]]
    assert names == ["api-list-a", "api-list-b", "api-list-c"]
    newest = sagemaker.list_pipelines(PipelineNamePrefix="api-list")["PipelineSummaries"]
    assert [item["PipelineName"][-1] for item in newest] == ["c", "a", "b"]
    before = sagemaker.list_pipelines(PipelineNamePrefix="api-list", CreatedBefore=newest[0]["CreationTime"])
    assert "api-list-c" not in [item["PipelineName"] for item in before["PipelineSummaries"]]


def test_callback_tokens_that_nobody_waits_for_are_unknown(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    for call in (
        sagemaker.send_pipeline_execution_step_success,
        sagemaker.send_pipeline_execution_step_failure,
    ):
        with pytest.raises(ClientError) as refused:
            call(CallbackToken="abcdefghij")
        assert refused.value.response["Error"]["Code"] == "ResourceNotFound"
