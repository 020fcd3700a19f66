"""Experiments, trials and trial components through boto3 and a real server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import SKLEARN, Server, train


def _error(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def _tree(sagemaker: Any, name: str) -> None:
    """An experiment with one trial `<name>-t` and one associated component `<name>-c`."""
    sagemaker.create_experiment(ExperimentName=name)
    sagemaker.create_trial(TrialName=f"{name}-t", ExperimentName=name)
    sagemaker.create_trial_component(TrialComponentName=f"{name}-c")
    sagemaker.associate_trial_component(TrialName=f"{name}-t", TrialComponentName=f"{name}-c")


def test_an_experiment_lives_and_keeps_its_case(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    tags = [{"Key": "team", "Value": "a"}]
    arn = sagemaker.create_experiment(ExperimentName="Exp-Life", Description="one", Tags=tags)["ExperimentArn"]
    assert arn.endswith(":experiment/exp-life")
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    code, message = _error(sagemaker.create_experiment, ExperimentName="exp-LIFE")
    assert code == "ValidationException"
    assert "already exists" in message
    sagemaker.update_experiment(ExperimentName="exp-life", DisplayName="Shown")
    found = sagemaker.describe_experiment(ExperimentName="exp-life")
    assert (found["ExperimentName"], found["DisplayName"], found["Description"]) == ("Exp-Life", "Shown", "one")
    sagemaker.delete_experiment(ExperimentName="exp-life")
    assert _error(sagemaker.describe_experiment, ExperimentName="exp-life")[0] == "ResourceNotFound"


def test_a_component_takes_and_loses_parameters_and_artifacts(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    arn = sagemaker.create_trial_component(
        TrialComponentName="Comp-Life",
        StartTime=start,
        Status={"PrimaryStatus": "InProgress"},
        Parameters={"depth": {"NumberValue": 3.0}, "kind": {"StringValue": "tree"}},
    )["TrialComponentArn"]
    sagemaker.update_trial_component(
        TrialComponentName="Comp-Life",
        Status={"PrimaryStatus": "Completed", "Message": "done"},
        Parameters={"depth": {"NumberValue": 4.0}},
        ParametersToRemove=["kind"],
        OutputArtifacts={"model": {"MediaType": "text/plain", "Value": "s3://b/k"}},
    )
    found = sagemaker.describe_trial_component(TrialComponentName=arn)
    assert found["Parameters"] == {"depth": {"NumberValue": 4.0}}
    assert found["OutputArtifacts"] == {"model": {"MediaType": "text/plain", "Value": "s3://b/k"}}
    assert found["Status"] == {"PrimaryStatus": "Completed", "Message": "done"}
    assert found["StartTime"] == start
    elsewhere = arn.replace("us-", "eu-") if "us-" in arn else arn.replace("eu-", "us-")
    assert _error(sagemaker.describe_trial_component, TrialComponentName=elsewhere)[0] == "ResourceNotFound"


def test_what_still_has_children_is_not_deleted(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    _tree(sagemaker, "kept")
    assert _error(sagemaker.delete_experiment, ExperimentName="kept")[0] == "ValidationException"
    assert _error(sagemaker.delete_trial, TrialName="kept-t")[0] == "ValidationException"
    assert _error(sagemaker.delete_trial_component, TrialComponentName="kept-c")[0] == "ValidationException"
    pair = {"TrialName": "kept-t", "TrialComponentName": "kept-c"}
    sagemaker.disassociate_trial_component(**pair)
    assert _error(sagemaker.disassociate_trial_component, **pair)[0] == "ResourceNotFound"
    sagemaker.delete_trial_component(TrialComponentName="kept-c")
    sagemaker.delete_trial(TrialName="kept-t")
    sagemaker.delete_experiment(ExperimentName="kept")


def test_lists_keep_to_their_filters(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    _tree(sagemaker, "left")
    _tree(sagemaker, "right")
    sagemaker.associate_trial_component(TrialName="left-t", TrialComponentName="right-c")

    def components(**request: Any) -> list[str]:
        answer = sagemaker.list_trial_components(SortBy="Name", SortOrder="Ascending", **request)
        return [each["TrialComponentName"] for each in answer["TrialComponentSummaries"]]

    def trials(**request: Any) -> list[str]:
        answer = sagemaker.list_trials(SortBy="Name", SortOrder="Ascending", **request)
        return [each["TrialName"] for each in answer["TrialSummaries"]]

    assert components(TrialName="left-t") == components(ExperimentName="left") == ["left-c", "right-c"]
    assert trials(TrialComponentName="right-c") == ["left-t", "right-t"]
    assert trials(TrialComponentName="right-c", ExperimentName="right") == ["right-t"]
    assert components(SourceArn="arn:aws:sagemaker:us-east-1:111122223333:training-job/none") == []
    assert _error(sagemaker.list_trials, ExperimentName="nobody")[0] == "ResourceNotFound"
    both = {"TrialName": "left-t", "ExperimentName": "left"}
    assert _error(sagemaker.list_trial_components, **both)[0] == "ValidationException"


def test_filtered_pages_hold_everything_once(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_experiment(ExperimentName="paged")
    for number in range(5):
        sagemaker.create_trial(TrialName=f"paged-{number}", ExperimentName="paged")
    pages = list(
        sagemaker.get_paginator("list_trials").paginate(ExperimentName="paged", PaginationConfig={"PageSize": 2})
    )
    assert [[each["TrialName"] for each in page["TrialSummaries"]] for page in pages] == [
        ["paged-4", "paged-3"],
        ["paged-2", "paged-1"],
        ["paged-0"],
    ]


def test_metrics_are_summed_up_and_bad_values_refused_one_by_one(server: Server) -> None:
    sagemaker, metrics = server.client("sagemaker"), server.client("sagemaker-metrics")
    sagemaker.create_trial_component(TrialComponentName="Measured")
    now = int(datetime.now(UTC).timestamp())
    data = [
        {"MetricName": "loss", "Timestamp": now + n, "Step": n, "Value": float(v)} for n, v in enumerate((3, 1, 2))
    ]
    assert not metrics.batch_put_metrics(TrialComponentName="measured", MetricData=data).get("Errors")
    (found,) = sagemaker.describe_trial_component(TrialComponentName="Measured")["Metrics"]
    assert (found["Min"], found["Max"], found["Last"], found["Avg"], found["Count"]) == (1.0, 3.0, 2.0, 2.0, 3)
    assert found["StdDev"] == pytest.approx((2 / 3) ** 0.5)
    answer = metrics.batch_put_metrics(TrialComponentName="unknown", MetricData=data[:1])
    assert answer["Errors"] == [{"Code": "VALIDATION_ERROR", "MetricIndex": 0}]


def test_a_job_gets_a_component_in_the_trial_it_names(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    script = "print('score=0.75;')"
    definitions = [{"Name": "score", "Regex": "score=([0-9.]+);"}]
    train(
        server,
        "Component-Job",
        script,
        AlgorithmSpecification={
            "TrainingImage": SKLEARN,
            "TrainingInputMode": "File",
            "MetricDefinitions": definitions,
        },
        HyperParameters={"depth": "3", "kind": '"tree"'},
        ExperimentConfig={"ExperimentName": "Made-By-A-Job", "TrialName": "its-trial"},
    )
    (found,) = sagemaker.list_trial_components(TrialName="its-trial")["TrialComponentSummaries"]
    assert found["TrialComponentName"] == "component-job-aws-training-job"
    assert found["Status"]["PrimaryStatus"] == "Completed"
    described = sagemaker.describe_trial_component(TrialComponentName=found["TrialComponentName"])
    assert described["Source"]["SourceArn"].endswith(":training-job/component-job")
    assert described["Parameters"]["depth"] == {"NumberValue": 3.0}
    assert described["Parameters"]["kind"] == {"StringValue": '"tree"'}
    assert described["OutputArtifacts"]["SageMaker.ModelArtifact"]["Value"].endswith("output/model.tar.gz")
    assert [(m["MetricName"], m["Last"]) for m in described["Metrics"]] == [("score", 0.75)]
    assert described["EndTime"] >= described["StartTime"]
    trials = sagemaker.list_trials(ExperimentName="made-by-a-job")["TrialSummaries"]
    assert [trial["TrialName"] for trial in trials] == ["its-trial"]
    by_source = sagemaker.list_trial_components(SourceArn=described["Source"]["SourceArn"])
    assert len(by_source["TrialComponentSummaries"]) == 1
