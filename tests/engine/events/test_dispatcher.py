"""From the outbox to deliveries: what matches, what is told, and that a crash loses nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.events.passage import MOST_HOPS, read_passage
from clary.store import outbox, resources
from tests.engine.events.conftest import ACCOUNT, QUEUE, REGION, World

TARGET = {"Id": "q", "Arn": QUEUE}


def test_matching_rules_get_one_delivery_per_target(world: World) -> None:
    world.rule("a", TARGET, {"Id": "part", "Arn": QUEUE, "InputPath": "$.detail"}, pattern={"source": ["my.app"]})
    world.rule("b", TARGET, pattern={"source": ["other"]})
    dispatcher = world.dispatcher()
    world.happen(detail={"n": 1})
    dispatcher.step()
    assert world.untold() == 0
    first, second = world.waiting()
    assert json.loads(first.document["body"])["detail"] == {"n": 1}
    assert json.loads(second.document["body"]) == {"n": 1}
    assert first.document["service"] == "events.amazonaws.com"
    assert first.document["source"].endswith(":rule/a")


def test_changed_rules_count_at_once(world: World) -> None:
    dispatcher = world.dispatcher()
    world.happen()
    dispatcher.step()
    rule = world.rule("late", TARGET, pattern={"source": ["my.app"]})
    world.happen()
    dispatcher.step()
    assert len(world.waiting()) == 1
    with world.database.write() as tx:
        resources.save(tx, rule, document={**rule.document, "state": "DISABLED"}, now=world.clock.now())
    world.happen()
    dispatcher.step()
    assert len(world.waiting()) == 1


def test_a_crash_before_the_commit_leaves_everything_to_be_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rule("a", TARGET, pattern={"source": ["my.app"]})
    world.happen()
    remove = outbox.remove

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(outbox, "remove", die)
    with pytest.raises(KeyboardInterrupt):
        world.dispatcher().step()
    assert (world.untold(), world.waiting()) == (1, [])
    monkeypatch.setattr(outbox, "remove", remove)
    world.dispatcher().step()
    assert (world.untold(), len(world.waiting())) == (0, 1)


def test_an_entry_that_makes_no_sense_does_not_stop_the_others(world: World) -> None:
    world.rule("a", TARGET, pattern={"source": ["my.app"]})
    with world.database.write() as tx:
        for document in ({}, {"what": "created", "kind": "unheard-of", "arn": "x"}):
            outbox.add(tx, account="1", region="r", topic="change", document=document, at=world.clock.now())
    world.happen()
    world.dispatcher().step()
    assert (world.untold(), len(world.waiting())) == (0, 1)


def test_parameters_of_pipelines_come_from_the_event(world: World) -> None:
    wanted = [
        {"Name": "Key", "Value": "$.detail.object.key"},
        {"Name": "Size", "Value": "$.detail.object.size"},
        {"Name": "Fixed", "Value": "$5"},
        {"Name": "None", "Value": "$.detail.none"},
    ]
    target = {
        "Id": "p",
        "Arn": "arn:aws:sagemaker:us-east-1:111122223333:pipeline/train",
        "RoleArn": "arn:aws:iam::111122223333:role/r",
        "SageMakerPipelineParameters": {"PipelineParameterList": wanted},
    }
    world.rule("a", target, pattern={"source": ["my.app"]})
    world.happen(detail={"object": {"key": "a b.csv", "size": 7}})
    world.dispatcher().step()
    (delivery,) = world.waiting()
    found = delivery.document["options"]["SageMakerPipelineParameters"]["PipelineParameterList"]
    assert [item["Value"] for item in found] == ["a b.csv", "7", "$5", ""]
    world.deliverer().perform(delivery)
    world.deliverer().perform(delivery)  # as after a crash: the token is the same
    first, second = world.calls.of("sagemaker:StartPipelineExecution")
    assert first == second
    assert first["PipelineName"] == "train"
    assert 32 <= len(first["ClientRequestToken"]) <= 128


def test_message_groups_and_parts_of_requests_come_from_the_event(world: World) -> None:
    queue = {"Id": "q", "Arn": f"{QUEUE}.fifo", "SqsParameters": {"MessageGroupId": "$.detail.id"}}
    parts = {
        "PathParameterValues": ["$.detail.id", "x"],
        "HeaderParameters": {"x-a": "$.source", "x-b": "about $.id"},
    }
    world.rule("a", queue, {"Id": "h", "Arn": QUEUE, "HttpParameters": parts}, pattern={"source": ["my.app"]})
    world.happen(detail={"id": 7})
    world.dispatcher().step()
    assert [delivery.document["options"] for delivery in world.waiting()] == [
        {"SqsParameters": {"MessageGroupId": "7"}},
        {
            "HttpParameters": {
                "PathParameterValues": ["7", "x"],
                "HeaderParameters": {"x-a": "my.app", "x-b": "about $.id"},
            }
        },
    ]


def told(world: World) -> list[dict[str, Any]]:
    world.dispatcher().step()
    return [json.loads(delivery.document["body"]) for delivery in world.waiting()]


def test_endpoints_are_told_in_upper_snake_case(world: World) -> None:
    pattern = {
        "detail-type": ["SageMaker Endpoint State Change"],
        "detail": {"EndpointStatus": ["CREATING", "IN_SERVICE"]},
    }
    world.rule("a", TARGET, pattern=pattern)
    endpoint = world.add("endpoint", "e", {"config": "c", "target": {"variants": []}}, status="Creating")
    with world.database.write() as tx:
        resources.save(tx, endpoint, status="InService", now=world.clock.now())
    creating, serving = told(world)
    assert creating["detail"]["EndpointStatus"] == "CREATING"
    assert serving["detail"]["EndpointStatus"] == "IN_SERVICE"
    assert serving["detail-type"] == "SageMaker Endpoint State Change"
    assert serving["resources"] == [endpoint.arn]
    assert isinstance(serving["detail"]["CreationTime"], int)


def test_deployments_are_told_when_they_begin_and_end(world: World) -> None:
    world.rule("a", TARGET, pattern={"detail-type": ["SageMaker Endpoint Deployment State Change"]})
    variant = {"VariantName": "v", "InitialVariantWeight": 1.0, "InitialInstanceCount": 2, "ModelName": "m"}
    first = {"generation": 1, "config": "c1", "variants": [variant]}
    fleet = [{"generation": 1, "variant": "v", "ready": True}] * 2
    document = {"config": "c1", "target": first, "fleet": [], "deployment_started": world.clock.now()}
    endpoint = world.add("endpoint", "e", document, status="Creating")
    second = {"generation": 2, "config": "c2", "variants": [{**variant, "InitialInstanceCount": 1}]}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("InService", {"active": first, "fleet": fleet}),
        ("InService", {"note": "no deployment"}),
        ("Updating", {"target": second}),
        ("InService", {"target": first, "failure": "no ping"}),
        ("Updating", {"rescaling": True}),
        ("InService", {}),
        ("Deleting", {}),
    ]
    for status, change in steps:
        with world.database.write() as tx:
            document = {**endpoint.document, **change}
            endpoint = resources.save(tx, endpoint, document=document, status=status, now=world.clock.now())
    creating, created, updating, failed = told(world)
    began = int(world.clock.now().timestamp() * 1000)
    launching = {"Status": "Creating", "StatusMessage": "Launching 1 instance(s).", "StartTime": began}
    numbers = {"VariantName": "v", "CurrentWeight": 1.0, "DesiredWeight": 1.0}
    serving = {**numbers, "CurrentInstanceCount": 2, "DesiredInstanceCount": 2}
    assert creating["detail"]["ProductionVariants"] == []
    assert creating["detail"]["PendingDeploymentSummary"]["EndpointConfigName"] == "c1"
    assert created["detail"]["EndpointStatus"] == "IN_SERVICE"
    assert "PendingDeploymentSummary" not in created["detail"]
    assert updating["detail"]["EndpointStatus"] == "UPDATING"
    assert updating["detail"]["ProductionVariants"] == [serving]
    assert updating["detail"]["PendingDeploymentSummary"] == {
        "EndpointConfigName": "c2",
        "StartTime": began,
        "ProductionVariants": [
            {**numbers, "CurrentInstanceCount": 0, "DesiredInstanceCount": 1, "VariantStatus": [launching]}
        ],
    }
    assert (failed["detail"]["EndpointStatus"], failed["detail"]["FailureReason"]) == ("IN_SERVICE", "no ping")
    assert len({event["id"] for event in (creating, created, updating, failed)}) == 4


def test_approvals_are_told(world: World) -> None:
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["churn"], "ModelApprovalStatus": ["Approved"]},
    }
    world.rule("a", TARGET, pattern=pattern)
    document = {"request": {"ModelPackageGroupName": "churn"}, "version": 3, "approval": "PendingManualApproval"}
    package = world.add("model-package", "churn/3", document, status="Completed")
    with world.database.write() as tx:
        resources.save(tx, package, document={**document, "approval": "Approved"}, now=world.clock.now())
    (event,) = told(world)
    assert event["detail"]["ModelPackageVersion"] == 3
    assert "ModelPackageName" not in event["detail"], "versions have none"
    assert event["detail"]["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]


@pytest.mark.parametrize(
    ("kind", "status", "detail_type", "member", "value"),
    [
        ("training-job", "InProgress", "SageMaker Training Job State Change", "CreationTime", "1767268800000"),
        ("processing-job", "InProgress", "SageMaker Processing Job State Change", "CreationTime", 1767268800000),
        ("transform-job", "InProgress", "SageMaker Transform Job State Change", "TransformJobStatus", "InProgress"),
        (
            "hyper-parameter-tuning-job",
            "InProgress",
            "SageMaker HyperParameter Tuning Job State Change",
            "HyperParameterTuningJobStatus",
            "InProgress",
        ),
        ("model", "", "SageMaker Model State Change", "ModelName", "n"),
        (
            "pipeline-execution",
            "Executing",
            "SageMaker Model Building Pipeline Execution Status Change",
            "currentPipelineExecutionStatus",
            "Executing",
        ),
        (
            "pipeline-step",
            "Executing",
            "SageMaker Model Building Pipeline Execution Step Status Change",
            "currentStepStatus",
            "Executing",
        ),
    ],
)
def test_every_kind_is_told(
    world: World, kind: str, status: str, detail_type: str, member: str, value: object
) -> None:
    world.rule("a", TARGET, pattern={"source": ["aws.sagemaker"]})
    world.add(kind, "n", {"request": {"S3InputMode": "File"}}, status=status)
    (event,) = told(world)
    assert event["detail-type"] == detail_type
    assert event["detail"][member] == value
    assert event["time"] == "2026-01-01T12:00:00Z"


def test_an_event_on_its_way_over_buses_keeps_its_id_and_its_circle_ends(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    other = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/other"
    world.rule("forward", {"Id": "bus", "Arn": other}, pattern={"source": ["my.app"]})
    world.calls.behave["PutEvents"] = lambda _: {"Entries": [{"EventId": "x"}]}
    world.happen()
    world.dispatcher().step()
    ids: list[str] = []
    while waiting := world.waiting():
        hops = len(ids) + 1
        world.deliverer().perform(waiting[0])
        if len(world.calls.made) < hops:
            continue
        passage = read_passage(world.calls.made[-1][1]["Entries"][0]["TraceHeader"])
        assert passage is not None
        assert passage.hops == hops
        ids.append(passage.event_id)
        world.happen(hops=passage.hops, event_id=passage.event_id)  # what PutEvents makes of it
        world.dispatcher().step()
    assert ids == ["1"] * MOST_HOPS
    assert "a delivery is given up" in caplog.messages
