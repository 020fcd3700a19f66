"""Search through boto3: filters, tags, nesting, sorting, paging; what was just written is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import SKLEARN, Server, train


def search(server: Server, resource: str, *filters: tuple[str, ...], **more: Any) -> dict[str, Any]:
    listed = [dict(zip(("Name", "Operator", "Value"), entry, strict=False)) for entry in filters]
    expression = {"Filters": listed} if listed else {}
    expression |= {key: more.pop(key) for key in ("NestedFilters", "SubExpressions", "Operator") if key in more}
    arguments = {"SearchExpression": expression} if expression else {}
    return server.client("sagemaker").search(Resource=resource, **arguments, **more)


def names(answer: dict[str, Any], member: str, name: str) -> list[str]:
    return [result[member][name] for result in answer["Results"]]


@pytest.fixture(scope="module")
def jobs(server: Server) -> None:
    for number in (1, 2, 3):
        train(
            server,
            f"search-{number}",
            "print('x')" if number < 3 else "raise SystemExit(3)",
            HyperParameters={"depth": str(number * 10), "kind": "tree"},
            Tags=[{"Key": "team", "Value": "blue" if number < 3 else "red"}],
        )


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([("TrainingJobName", "Equals", "search-2")], [2]),
        ([("TrainingJobName", "Contains", "search-")], [1, 2, 3]),
        ([("TrainingJobName", "Contains", "search-"), ("TrainingJobStatus", "Equals", "Failed")], [3]),
        ([("Tags.team", "Equals", "blue")], [1, 2]),
        ([("Tags.team", "Exists"), ("TrainingJobName", "NotEquals", "search-1")], [2, 3]),
        ([("HyperParameters.depth", "GreaterThan", "10"), ("HyperParameters.kind", "Equals", "tree")], [2, 3]),
        ([("HyperParameters.depth", "In", "10,30"), ("Tags.team", "Exists")], [1, 3]),
        ([("ResourceConfig.InstanceCount", "LessThanOrEqualTo", "1"), ("Tags.team", "Equals", "red")], [3]),
        ([("CreationTime", "GreaterThan", "2099-01-01T00:00:00Z")], []),
        ([("TrainingJobName", "Contains", "search-"), ("FailureReason", "NotExists")], [1, 2]),
    ],
)
def test_filters(server: Server, filters: list[tuple[str, ...]], found: list[int]) -> None:
    answer = search(server, "TrainingJob", *filters, MaxResults=100)
    assert sorted(names(answer, "TrainingJob", "TrainingJobName")) == [f"search-{number}" for number in found]
    assert answer["TotalHits"] == {"Value": len(found), "Relation": "EqualTo"}


@pytest.mark.usefixtures("jobs")
def test_or_sub_expressions_and_order(server: Server) -> None:
    either = search(
        server,
        "TrainingJob",
        ("TrainingJobName", "Equals", "search-1"),
        ("TrainingJobName", "Equals", "search-3"),
        Operator="Or",
        SortBy="TrainingJobName",
        SortOrder="Ascending",
    )
    assert names(either, "TrainingJob", "TrainingJobName") == ["search-1", "search-3"]
    inner = {
        "Filters": [
            {"Name": "HyperParameters.depth", "Operator": "Equals", "Value": "10"},
            {"Name": "HyperParameters.depth", "Operator": "Equals", "Value": "20"},
        ],
        "Operator": "Or",
    }
    both = search(
        server,
        "TrainingJob",
        ("Tags.team", "Equals", "blue"),
        SubExpressions=[inner],
        SortBy="HyperParameters.depth",
        SortOrder="Descending",
    )
    assert names(both, "TrainingJob", "TrainingJobName") == ["search-2", "search-1"]


@pytest.mark.usefixtures("jobs")
def test_pages_joined_are_everything(server: Server) -> None:
    for filters in ([("TrainingJobName", "Contains", "search-")], [("Tags.team", "Exists")]):
        found: list[str] = []
        token: dict[str, str] = {}
        for _ in range(5):
            answer = search(server, "TrainingJob", *filters, MaxResults=1, SortBy="CreationTime", **token)
            found += names(answer, "TrainingJob", "TrainingJobName")
            if "NextToken" not in answer:
                break
            token = {"NextToken": answer["NextToken"]}
        assert found == ["search-3", "search-2", "search-1"]


def test_nested_filters_mean_one_entry(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_experiment(ExperimentName="search-exp")
    sagemaker.create_trial(ExperimentName="search-exp", TrialName="search-trial")
    sagemaker.create_trial_component(
        TrialComponentName="search-component",
        Parameters={"lr": {"NumberValue": 0.1}, "SageMaker.ImageUri": {"StringValue": SKLEARN}},
    )
    sagemaker.associate_trial_component(TrialName="search-trial", TrialComponentName="search-component")
    for filters, count in (
        ([("TrialComponentName", "Equals", "search-component")], 1),
        ([("Parameters.lr", "LessThan", "0.2")], 1),
        ([("Parameters.lr", "LessThan", "0.1")], 0),
        ([("Parameters.SageMaker.ImageUri", "Equals", SKLEARN)], 1),
        ([("Parents.TrialName", "Equals", "search-trial")], 1),
    ):
        answer = search(server, "ExperimentTrialComponent", *filters, MaxResults=100)
        found = names(answer, "TrialComponent", "TrialComponentName")
        assert ("search-component" in found) is bool(count), filters
    nested = {
        "NestedPropertyName": "Parents",
        "Filters": [
            {"Name": "Parents.TrialName", "Operator": "Equals", "Value": "search-trial"},
            {"Name": "Parents.ExperimentName", "Operator": "Equals", "Value": "search-exp"},
        ],
    }
    assert len(search(server, "ExperimentTrialComponent", NestedFilters=[nested])["Results"]) == 1
    nested["Filters"][1]["Value"] = "another"
    assert search(server, "ExperimentTrialComponent", NestedFilters=[nested])["Results"] == []


def test_pipelines_and_packages_are_found(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    step = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
    definition = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [step]}
    arn = sagemaker.create_pipeline(
        PipelineName="search-pipe",
        PipelineDefinition=json.dumps(definition),
        RoleArn=server.role,
        ClientRequestToken="search-pipe".rjust(32, "-"),
        Tags=[{"Key": "k", "Value": "v"}],
    )["PipelineArn"]
    run = sagemaker.start_pipeline_execution(PipelineName="search-pipe")["PipelineExecutionArn"]
    executions = search(server, "PipelineExecution", ("PipelineArn", "Equals", arn))
    assert names(executions, "PipelineExecution", "PipelineExecutionArn") == [run]
    tagged = search(server, "Pipeline", ("Tags.k", "Equals", "v"))
    assert names(tagged, "Pipeline", "PipelineName") == ["search-pipe"]
    sagemaker.create_model_package_group(ModelPackageGroupName="search-group")
    inference = {
        "Containers": [{"Image": SKLEARN, "ModelDataUrl": "s3://tests/m.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    package = sagemaker.create_model_package(
        ModelPackageGroupName="search-group", InferenceSpecification=inference, ModelApprovalStatus="Approved"
    )["ModelPackageArn"]
    filters = (("ModelPackageGroupName", "Equals", "search-group"), ("ModelApprovalStatus", "Equals", "Approved"))
    assert names(search(server, "ModelPackage", *filters), "ModelPackage", "ModelPackageArn") == [package]
    sagemaker.create_model(
        ModelName="search-model", PrimaryContainer={"Image": SKLEARN}, ExecutionRoleArn=server.role
    )
    (found,) = search(server, "Model", ("ModelName", "Equals", "search-model"))["Results"]
    assert found["Model"]["Model"]["ModelName"] == "search-model"


@pytest.mark.usefixtures("jobs")
def test_what_cannot_be_searched_is_refused(server: Server) -> None:
    with pytest.raises(ClientError, match="needs a Value"):
        search(server, "TrainingJob", ("TrainingJobName", "Equals"))
    with pytest.raises(ClientError, match="has no Value"):
        search(server, "TrainingJob", ("TrainingJobName", "Exists", "x"))
    for time in ("yesterday", "2026-13-45"):
        with pytest.raises(ClientError, match="needs a time"):
            search(server, "TrainingJob", ("CreationTime", "GreaterThan", time))
    many = {"Filters": [{"Name": "RoleArn", "Operator": "Equals", "Value": "1"}] * 20}
    with pytest.raises(ClientError, match="at most 50"):
        search(server, "TrainingJob", SubExpressions=[many] * 6)
    with pytest.raises(ClientError, match="Unknown property name: Colour"):
        search(server, "TrainingJob", ("Colour", "Equals", "red"))
    with pytest.raises(ClientError, match="'CONTAINS' operator usage limit of 1 exceeded"):
        search(server, "TrainingJob", ("TrainingJobName", "Contains", "a"), ("RoleArn", "Contains", "b"))
    with pytest.raises(ClientError, match="FeatureGroup is not served"):
        search(server, "FeatureGroup")
    hint = {"PropertyNameQuery": {"PropertyNameHint": "HyperParameters.dep"}}
    answer = server.client("sagemaker").get_search_suggestions(Resource="TrainingJob", SuggestionQuery=hint)
    assert {"PropertyName": "HyperParameters.depth"} in answer["PropertyNameSuggestions"]
