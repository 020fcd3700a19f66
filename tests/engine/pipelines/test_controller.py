"""The controller against a real database: it may die anywhere, and everything is made once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clary.base.errors import ApiError, ValidationException
from clary.engine.pipelines import attempts, controller
from tests.engine.pipelines.conftest import World

ARGUMENTS: dict[str, dict[str, Any]] = {
    "Processing": {"ProcessingResources": {}, "AppSpecification": {}, "RoleArn": "r"},
    "Training": {"AlgorithmSpecification": {}, "OutputDataConfig": {}, "RoleArn": "r"},
    "Tuning": {"HyperParameterTuningJobConfig": {}},
    "Transform": {"ModelName": "m", "TransformInput": {}, "TransformOutput": {}, "TransformResources": {}},
    "Model": {},
    "RegisterModel": {"ModelPackageGroupName": "group"},
    "EndpointConfig": {"ProductionVariants": []},
    "Endpoint": {"EndpointName": "e", "EndpointConfigName": "c"},
    "Lambda": {"question": 1},
    "Callback": {"question": 1},
    "Condition": {"Conditions": [], "IfSteps": [], "ElseSteps": []},
    "Fail": {"ErrorMessage": "enough"},
}
MEMBERS = {
    "Lambda": {"FunctionArn": "f", "OutputParameters": [{"OutputName": "answer", "OutputType": "Integer"}]},
    "Callback": {"SqsQueueUrl": "q", "OutputParameters": [{"OutputName": "score", "OutputType": "Integer"}]},
}
MADE = {
    "Processing": 1, "Training": 1, "Tuning": 1, "Transform": 1, "Model": 1, "EndpointConfig": 1, "Endpoint": 1,
    "RegisterModel": 2,  # a group and a version
}  # fmt: skip
RUN_ON = ("Processing", "Training", "Tuning", "Transform", "Endpoint", "Lambda", "Callback")
POINTS = ("before_start", "started", "running", "finished", "recorded")


class Died(BaseException):
    """The process is gone."""


def step(name: str, kind: str, **members: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Arguments": ARGUMENTS[kind], **MEMBERS.get(kind, {}), **members}


@pytest.mark.parametrize(
    ("kind", "point"),
    [(kind, point) for kind in ARGUMENTS for point in POINTS if point != "running" or kind in RUN_ON],
)
def test_death_anywhere_changes_nothing_and_makes_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, point: str
) -> None:
    struck: list[str] = []

    def crash(name: str) -> None:
        if name in {f"pipelines.{point}", f"pipelines.{point}.{kind}"} and not struck:
            struck.append(name)
            raise Died

    monkeypatch.setattr(attempts, "crash_here", crash)
    monkeypatch.setattr(controller, "crash_here", crash)
    after = (
        [] if kind == "Fail" else [step("Then", "Condition", DependsOn=["Main"])]
    )  # nothing may wait for a Fail step
    world.begin(step("Main", kind), *after)
    try:
        world.run_to_the_end()
    except Died:
        world.restart()
        world.run_to_the_end()
    assert struck
    rows = world.rows
    if kind == "Fail":
        assert world.execution.status == "Failed"
        assert world.execution.document["failure"] == "Step failure: One or multiple steps failed. Main: enough"
        assert set(rows) == {"Main"}
    else:
        assert world.execution.status == "Succeeded", world.execution.document["failure"]
        assert {row.status for row in rows.values()} == {"Succeeded"}
    assert rows["Main"].document["attempt"] == 0
    assert len(world.calls.created) == len(set(world.calls.created)) == MADE.get(kind, 0)
    assert len({message["token"] for message in world.calls.messages}) == (kind == "Callback")
    assert world.calls.invoked >= (kind == "Lambda")


def test_a_failing_job_is_tried_again_as_its_policy_says(world: World) -> None:
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 5, "MaxAttempts": 2}
    world.begin(step("Main", "Training", RetryPolicies=[policy]))
    for number in range(3):
        assert world.look() == 2.0
        assert len(world.calls.created) == number + 1
        thing = world.calls.things[world.calls.created[-1]]
        thing |= {"TrainingJobStatus": "Failed", "FailureReason": "InternalServerError: lost"}
        world.look()
        world.clock.time += timedelta(seconds=20)
    assert world.execution.status == "Failed"
    assert len(set(world.calls.created)) == 3
    assert world.rows["Main"].document["attempt"] == 2
    assert "Main: InternalServerError: lost" in world.execution.document["failure"]


def fault(count: int) -> list[ApiError]:
    return [ApiError("not now", code="InternalFailure", status=500)] * count


def test_a_service_that_falters_for_a_while_is_no_failure(world: World) -> None:
    world.calls.fail = {"CreateTrainingJob": fault(3), "DescribeTrainingJob": fault(3), "Invoke": fault(2)}
    world.begin(step("Main", "Training"), step("Call", "Lambda", DependsOn=["Main"]))
    world.run_to_the_end()
    assert world.execution.status == "Succeeded", world.execution.document["failure"]
    assert len(world.calls.created) == world.calls.invoked == 1


def test_a_refusal_fails_the_step_at_once(world: World) -> None:
    world.calls.fail = {"CreateTrainingJob": [ValidationException("no such role")]}
    world.begin(step("Main", "Training"), step("Other", "Model"))
    world.run_to_the_end()
    assert world.execution.status == "Failed"
    assert "no such role" in world.rows["Main"].document["failure"]
    assert world.rows["Other"].status == "Succeeded"


def test_stopping_waits_for_what_runs(world: World) -> None:
    world.begin(step("Main", "Training"), step("Ask", "Callback"), step("Then", "Model", DependsOn=["Main"]))
    world.look()
    world.calls.fail = {"StopTrainingJob": fault(1)}
    world.change("Stopping")
    world.look()
    world.look()
    assert len(world.calls.stopped) == 1, "it is asked again after a fault, and no more after that"
    assert [message["status"] for message in world.calls.messages] == ["Executing", "Stopping"]
    world.calls.go_on()
    world.look()
    assert world.execution.status == "Stopping", "nobody has answered the callback"
    world.run_to_the_end()
    assert world.execution.status == "Stopped"
    assert {name: row.status for name, row in world.rows.items()} == {"Main": "Stopped", "Ask": "Succeeded"}


def test_a_job_that_somebody_else_stopped_fails_its_step(world: World) -> None:
    world.begin(step("Main", "Training"), step("Then", "Model", DependsOn=["Main"]))
    world.look()
    world.calls.things[world.calls.created[0]]["TrainingJobStatus"] = "Stopped"
    world.run_to_the_end()
    assert world.execution.status == "Failed"
    assert "stopped before its end" in world.rows["Main"].document["failure"]


def test_a_retry_runs_what_failed_under_a_new_name(world: World) -> None:
    world.begin(step("Good", "Processing"), step("Bad", "Training"), step("Then", "Model", DependsOn=["Bad"]))
    world.look()
    thing = next(thing for thing in world.calls.things.values() if "TrainingJobStatus" in thing)
    thing |= {"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no"}
    world.run_to_the_end()
    assert world.execution.status == "Failed"
    world.change("Executing", attempt=1, failure=None)
    world.run_to_the_end()
    assert world.execution.status == "Succeeded"
    words = [name.partition("/")[0] for name in world.calls.created]
    assert sorted(words) == ["Model", "ProcessingJob", "TrainingJob", "TrainingJob"]
    assert len(set(world.calls.created)) == 4
    assert "failure" not in world.rows["Bad"].document


@pytest.mark.parametrize(
    ("kind", "answered", "becomes"),
    [
        ("Integer", "7", 7),
        ("Integer", "7.5", None),
        ("Integer", "1_0", None),
        ("Float", "7", 7.0),
        ("Float", "nan", None),
        ("Boolean", "True", True),
        ("Boolean", "yes", None),
        ("String", "yes", "yes"),
    ],
)
def test_an_answer_must_be_of_the_declared_type(world: World, kind: str, answered: str, becomes: Any) -> None:
    world.begin(step("Ask", "Callback", OutputParameters=[{"OutputName": "score", "OutputType": kind}]))
    world.look()
    world.answer({"status": "Success", "outputs": {"score": answered}})
    world.run_to_the_end()
    row = world.rows["Ask"]
    if becomes is None:
        assert row.status == "Failed"
        assert (
            f"The output score must be of type {kind}, but was answered as '{answered}'." in row.document["failure"]
        )
    else:
        assert row.document["properties"]["OutputParameters"] == {"score": becomes}
