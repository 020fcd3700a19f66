"""Search in process: every operator on every kind of property, orders and pages, and what records hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.session import get_session

from clary.services.context import Context
from clary.services.sagemaker import OPERATIONS
from clary.services.sagemaker.search.kinds import find_kind
from clary.services.sagemaker_metrics import OPERATIONS as METRICS
from clary.store import resources
from tests.services.calling import ACCOUNT, NOW, Client, Permissions

ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
WHO = {"IamIdentity": {"Arn": f"arn:aws:iam::{ACCOUNT}:root", "PrincipalId": ACCOUNT}}


@pytest.fixture
def sagemaker(context: Context, permissions: Permissions) -> Client:
    """Four components `c-0` to `c-3`, the first two of them in a trial."""
    client = Client("sagemaker", OPERATIONS, context, permissions)
    client("CreateExperiment", ExperimentName="Exp")
    client("CreateTrial", ExperimentName="Exp", TrialName="Trial")
    metrics = Client("sagemaker-metrics", METRICS, context, permissions)
    for number, depth in enumerate((9.0, 10.0, 100.0, 0.5)):
        name = f"c-{number}"
        client.at(now=NOW + timedelta(seconds=number))(
            "CreateTrialComponent",
            TrialComponentName=name,
            Parameters={"depth": {"NumberValue": depth}, "a.b": {"StringValue": f"{depth:g}"}},
            Status={"PrimaryStatus": "Completed" if number else "Failed"},
            Tags=[{"Key": "team", "Value": "Blue" if number < 2 else "red"}] if number < 3 else [],
        )
        values = [{"MetricName": "val:loss.x", "Timestamp": NOW, "Value": v} for v in (depth, depth / 2)]
        assert metrics("BatchPutMetrics", TrialComponentName=name, MetricData=values) == {}
    for name in ("c-0", "c-1"):
        client("AssociateTrialComponent", TrialName="Trial", TrialComponentName=name)
    return client


def found(client: Client, *filters: tuple[str, ...], resource: str = "ExperimentTrialComponent", **more: Any) -> str:
    """Numbers of the components in the order of the answer, which must say how many there are."""
    listed = [dict(zip(("Name", "Operator", "Value"), each, strict=False)) for each in filters]
    expression = {"Filters": listed, "Operator": more.pop("Operator", "And"), **more.pop("Expression", {})}
    request = {"SortBy": "TrialComponentName", "SortOrder": "Ascending", **more}
    answer = client("Search", Resource=resource, SearchExpression=expression, **request)
    assert answer["TotalHits"] == {"Value": len(answer["Results"]), "Relation": "EqualTo"}
    return "".join(each["TrialComponent"]["TrialComponentName"][-1] for each in answer["Results"])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("TrialComponentName", "Equals", "C-1")], "1"),
        ([("TrialComponentName", "NotEquals", "c-1")], "023"),
        ([("TrialComponentName", "In", "c-1, c-3")], "13"),
        ([("TrialComponentName", "Contains", "C-"), ("DisplayName", "Contains", "-2")], "2"),
        ([("Tags.team", "Equals", "Blue")], "01"),
        ([("Tags.team", "Equals", "blue")], ""),
        ([("Tags.team", "NotEquals", "Blue")], "23"),
        ([("Tags.team", "In", "red,Blue")], "012"),
        ([("Tags.team", "Contains", "BLU")], "01"),
        ([("Tags.team", "NotExists")], "3"),
        ([("Tags", "Exists")], "012"),
        ([("Parameters.depth", "GreaterThan", "9")], "12"),
        ([("parameters.depth", "LessThanOrEqualTo", "9")], "03"),
        ([("Parameters.a.b", "Equals", "100")], "2"),
        ([("Metrics.val:loss.x", "Equals", "5")], "1"),
        ([("metrics.val:loss.x.max", "GreaterThanOrEqualTo", "10")], "12"),
        ([("Metrics.val:loss.x.StdDev", "Equals", "2.25")], "0"),
        ([("Metrics.val:loss.x.min", "LessThan", "5")], "03"),
        ([("Metrics.val:loss.x.AVG", "Equals", "75"), ("Metrics.val:loss.x.Max", "Equals", "100")], "2"),
        ([("Metrics.val:loss.x.Count", "Equals", "2"), ("Metrics.val:loss.x", "Equals", "0.25")], "3"),
        ([("Metrics.val:loss.x.TimeStamp", "LessThan", "2026-03-04T05:06:08Z")], "0123"),
        ([("Metrics.val:loss.x.SourceArn", "Equals", "none")], ""),
        ([("Metrics.other", "Exists")], ""),
        ([("Parents.TrialName", "Equals", "Trial")], "01"),
        ([("Parents", "NotExists")], "23"),
        ([("Status.PrimaryStatus", "Equals", "Failed")], "0"),
        ([("CreationTime", "GreaterThan", "2026-03-04T05:06:09Z")], "23"),
        ([("CreatedBy.IamIdentity.PrincipalId", "Equals", ACCOUNT)], "0123"),
        ([("SourceDetail", "NotExists")], "0123"),
        ([("LineageGroupArn", "Exists")], ""),
    ],
)
def test_filters(sagemaker: Client, filters: list[tuple[str, ...]], expected: str) -> None:
    assert found(sagemaker, *filters) == expected


def test_groups_of_filters(sagemaker: Client) -> None:
    either = (("TrialComponentName", "Equals", "c-3"), ("Tags.team", "Equals", "Blue"))
    assert found(sagemaker, *either, Operator="Or") == "013"
    assert found(sagemaker, ("TrialComponentName", "Equals", "c-3"), ("Parameters.depth", "Equals", "9")) == ""
    inner = {"Operator": "Or", "Filters": [{"Name": "Parameters.depth", "Value": value} for value in ("9", "100")]}
    assert found(sagemaker, ("Tags.team", "Exists"), Expression={"SubExpressions": [inner]}) == "02"
    both = [
        {"Name": f"Parents.{name}Name", "Value": value} for name, value in (("Trial", "Trial"), ("Experiment", "Exp"))
    ]
    nested = {"NestedFilters": [{"NestedPropertyName": "Parents", "Filters": both}]}
    assert found(sagemaker, Expression=nested) == "01"


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("Parameters.depth", "3012"),
        ("Parameters.a.b", "3012"),
        ("metrics.val:loss.x.min", "3012"),
        ("CreationTime", "0123"),
        ("Tags.team", "3012"),
    ],
)
def test_numbers_sort_as_numbers_and_what_is_missing_comes_first(sagemaker: Client, sort: str, expected: str) -> None:
    assert found(sagemaker, SortBy=sort) == expected
    assert found(sagemaker, SortBy=sort, SortOrder="Descending") == expected[::-1]


@pytest.mark.parametrize("sort", ["CreationTime", "Parameters.depth"])
def test_pages_go_on_where_they_ended_though_rows_are_added(sagemaker: Client, sort: str) -> None:
    seen: list[str] = []
    token: dict[str, Any] = {}
    for number in range(4):
        request = {"Resource": "ExperimentTrialComponent", "SortBy": sort, "MaxResults": 1, **token}
        answer = sagemaker("Search", **request)
        seen += [each["TrialComponent"]["TrialComponentName"] for each in answer["Results"]]
        token = {"NextToken": answer.get("NextToken")}
        sagemaker.at(now=NOW + timedelta(hours=number + 1))(
            "CreateTrialComponent",
            TrialComponentName=f"new-{number}",
            Parameters={"depth": {"NumberValue": 1000.0}},
        )
    assert len(set(seen)) == 4
    assert not any(name.startswith("new") for name in seen)
    other = {**request, "Resource": "Experiment", "SortBy": "CreationTime"}
    sagemaker.fails("Search", "ValidationException", **other)


def test_a_changed_row_is_seen_at_once(sagemaker: Client) -> None:
    assert found(sagemaker, ("Parameters.depth", "Equals", "77")) == ""
    sagemaker("UpdateTrialComponent", TrialComponentName="c-2", Parameters={"depth": {"NumberValue": 77.0}})
    assert found(sagemaker, ("Parameters.depth", "Equals", "77")) == "2"
    sagemaker("DeleteTrialComponent", TrialComponentName="c-2")
    assert found(sagemaker, ("Parameters.depth", "Exists")) == "013"


def test_a_component_of_a_job_tells_of_it(sagemaker: Client, context: Context) -> None:
    name, arn = "Job", f"{ARN}:processing-job/job"
    with context.database.write() as tx:
        job = resources.create(
            tx,
            account=ACCOUNT,
            region="us-east-1",
            kind="processing-job",
            name=name,
            arn=arn,
            status="InProgress",
            document={"request": {"ProcessingJobName": name}, "started": NOW},
            now=NOW,
        )
        row = resources.find(tx, ACCOUNT, "us-east-1", "experiment-trial-component", "c-3")
        assert row is not None
        source = {"SourceArn": job.arn, "SourceType": "SageMakerProcessingJob"}
        resources.save(tx, row, now=NOW, document={**row.document, "Source": source, "RunName": "First"})
    assert found(sagemaker, ("Status.PrimaryStatus", "Equals", "InProgress")) == "3"
    assert found(sagemaker, ("StartTime", "Exists")) == "3"
    assert found(sagemaker, ("EndTime", "Exists")) == ""
    assert found(sagemaker, ("SourceDetail.ProcessingJob.ProcessingJobName", "Equals", name)) == "3"
    only = {"Filters": [{"Name": "RunName", "Value": "First"}]}
    (hit,) = sagemaker("Search", Resource="ExperimentTrialComponent", SearchExpression=only)["Results"]
    record = hit["TrialComponent"]
    assert record["SourceDetail"]["ProcessingJob"]["ProcessingJobStatus"] == "InProgress"
    assert (record["RunName"], record["CreatedBy"], record["LastModifiedBy"]) == ("First", WHO, WHO)


def test_a_trial_tells_of_its_components(sagemaker: Client) -> None:
    within = {"Filters": [{"Name": "TrialComponentSummaries.TrialComponentName", "Value": "c-1"}]}
    (hit,) = sagemaker("Search", Resource="ExperimentTrial", SearchExpression=within)["Results"]
    listed = [each["TrialComponentName"] for each in hit["Trial"]["TrialComponentSummaries"]]
    assert listed == ["c-0", "c-1"]
    assert hit["Trial"]["CreatedBy"] == WHO


def test_hyperparameters_are_compared_as_aws_does(sagemaker: Client, context: Context) -> None:
    """Against a whole number a decimal one counts as whole."""
    with context.database.write() as tx:
        request = {"HyperParameters": {"rate": "0.50"}, "OutputDataConfig": {"S3OutputPath": "s3://b"}}
        document = {"request": {**request, "TrainingJobName": "j"}, "secondary": "Completed", "transitions": []}
        resources.create(
            tx,
            account=ACCOUNT,
            region="us-east-1",
            kind="training-job",
            name="j",
            arn=f"{ARN}:training-job/j",
            document=document,
            now=NOW,
        )
    for operator, value, hits in (("LessThan", "0.6", 1), ("GreaterThan", "0", 0), ("Equals", "0.5", 1)):
        expression = {"Filters": [{"Name": "HyperParameters.rate", "Operator": operator, "Value": value}]}
        answer = sagemaker("Search", Resource="TrainingJob", SearchExpression=expression)
        assert answer["TotalHits"]["Value"] == hits, operator


def test_suggestions_begin_as_typed(sagemaker: Client) -> None:
    for typed, expected in (
        ("metrics.v", ["Metrics.val:loss.x"]),
        ("Tags.t", ["Tags.team"]),
        ("Parameters.d", ["Parameters.depth"]),
    ):
        query = {"PropertyNameQuery": {"PropertyNameHint": typed}}
        answer = sagemaker("GetSearchSuggestions", Resource="ExperimentTrialComponent", SuggestionQuery=query)
        assert [each["PropertyName"] for each in answer["PropertyNameSuggestions"]] == expected


@pytest.mark.parametrize(
    "resource",
    [
        "TrainingJob",
        "Experiment",
        "ExperimentTrial",
        "ExperimentTrialComponent",
        "Endpoint",
        "HyperParameterTuningJob",
        "ModelPackage",
        "ModelPackageGroup",
        "Pipeline",
        "PipelineExecution",
        "PipelineVersion",
    ],
)
def test_every_property_of_the_model_is_known(resource: str) -> None:
    kind = find_kind(resource)
    model = get_session().get_service_model("sagemaker").shape_for("SearchRecord").members[kind.member]
    assert set(model.members) <= kind.names()
