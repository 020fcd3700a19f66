"""The controller against a real database: training jobs are made once each, whatever happens in between."""

from __future__ import annotations

from itertools import count

import pytest

from clary.definitions.tuning.child import child_name
from clary.engine.own_calls import Actor
from clary.engine.tuning import controller
from clary.engine.tuning.search import hyperband
from clary.store import resources
from tests.engine.tuning.conftest import ACCOUNT, REGION, World

NOBODY = Actor(ACCOUNT, REGION)


def finish_one(world: World) -> bool:
    """The oldest running training job ends with its own x as objective."""
    for row in world.jobs.running():
        if row.status == "Stopping":
            world.jobs.change(row.name, "Stopped")
        else:
            world.jobs.change(row.name, "Completed", objective=float(row.document["values"]["x"]))
        return True
    return False


def run_to_the_end(world: World) -> None:
    while world.look() is not None:
        assert len(world.jobs.running()) <= 2
        finish_one(world)


def test_a_whole_tuning_job(world: World) -> None:
    world.begin(tags=[{"Key": "team", "Value": "a"}])
    run_to_the_end(world)
    document = world.job.document
    assert world.job.status == "Completed"
    assert document["counters"]["Completed"] == 5
    assert document["objectives"] == {"Succeeded": 5, "Pending": 0, "Failed": 0}
    assert document["ended"] is not None
    trials = world.trials
    assert [trial.name for trial in trials] == world.jobs.created
    assert trials[document["best"] - 1].objective == max(trial.objective or 0 for trial in trials)
    assert all(trial.objective == float(trial.parameters["x"]) for trial in trials)
    assert all(trial.arn.endswith(f"training-job/{trial.name.lower()}") for trial in trials)
    assert world.jobs.tags == [[{"Key": "team", "Value": "a"}]] * 5


def test_the_best_one_is_known_while_it_runs(world: World) -> None:
    world.begin()
    world.look()
    assert world.job.document["best"] is None
    assert world.job.document["counters"]["InProgress"] == 2
    finish_one(world)
    world.look()
    assert world.job.document["best"] == 1
    assert world.job.status == "InProgress"


def test_commits_of_its_training_jobs_wake_it_and_others_do_not(world: World) -> None:
    world.begin()
    world.look()
    world.woken.clear()
    assert world.look() == pytest.approx(2.0)
    finish_one(world)
    assert world.woken == [world.job_id]
    world.jobs.CreateTrainingJob({"TrainingJobName": "somebody-elses", "HyperParameters": {"x": "1"}}, NOBODY)
    world.jobs.change("somebody-elses", "Completed")
    assert world.woken == [world.job_id]


def test_stopping(world: World) -> None:
    world.begin()
    world.look()
    finish_one(world)
    world.look()
    world.save("Stopping")
    world.look()
    assert len(world.jobs.stopped) == 2
    assert world.job.status == "Stopping"
    run_to_the_end(world)
    assert world.job.status == "Stopped"
    assert world.job.document["counters"] == {
        "Completed": 1, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 2,
    }  # fmt: skip
    assert len(world.jobs.stopped) == 2


def test_failures_are_counted_by_what_a_retry_could_do(world: World) -> None:
    world.begin()
    for reason in ("InternalServerError: x", "AlgorithmError: y"):
        world.look()
        world.jobs.change(world.jobs.running()[0].name, "Failed", failure=reason)
    run_to_the_end(world)
    assert world.job.status == "Completed"
    counters = world.job.document["counters"]
    assert (counters["RetryableError"], counters["NonRetryableError"], counters["Completed"]) == (1, 1, 3)
    assert world.job.document["objectives"] == {"Succeeded": 3, "Pending": 0, "Failed": 2}


def test_when_no_training_job_can_be_made_the_tuning_job_fails_with_the_reason(world: World) -> None:
    world.begin()
    world.jobs.refuse = "the role is gone"
    run_to_the_end(world)
    assert world.job.status == "Failed"
    assert "the role is gone" in world.job.document["failure"]
    assert world.trials[0].name in world.job.document["failure"]


def test_a_name_that_somebody_else_took_fails_that_trial_alone(world: World) -> None:
    world.begin()
    identity = f"{world.job.arn}/{world.job.created_at.isoformat()}"
    taken = child_name("Tune", identity, 1)
    world.jobs.CreateTrainingJob({"TrainingJobName": taken, "HyperParameters": {"x": "1"}}, NOBODY)
    world.jobs.change(taken, "Completed", objective=99.0)
    world.look()
    assert [trial.status for trial in world.trials] == ["Failed", "InProgress", "InProgress"]
    assert "already exists" in (world.trials[0].failure or "")
    assert world.job.document["best"] is None


def test_a_completion_criterion_stops_what_still_runs(world: World) -> None:
    world.begin(TuningJobCompletionCriteria={"TargetObjectiveMetricValue": 0.0})
    world.look()
    finish_one(world)
    world.look()
    assert world.job.status == "InProgress"
    assert len(world.jobs.stopped) == 1
    run_to_the_end(world)
    assert world.job.status == "Completed"
    assert len(world.jobs.created) == 2


def test_a_job_that_vanished_counts_as_failed(world: World) -> None:
    world.begin()
    world.look()
    with world.database.write() as tx:
        resources.remove(tx, resources.all_of_kind(tx, "training-job")[0], now=world.clock.now())
    run_to_the_end(world)
    assert world.trials[0].status == "Failed"
    assert world.job.document["counters"]["RetryableError"] == 1


def test_the_median_rule_stops_a_training_job_that_lags(world: World) -> None:
    limits = {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 5}
    world.begin(TrainingJobEarlyStoppingType="Auto", ResourceLimits=limits)
    assert world.look() == pytest.approx(0.5)
    *good, lagging, hopeful = [trial.name for trial in world.trials]
    for name in good:
        world.prints(name, "auc=0.5", "loading", "auc=0.7")
        world.jobs.change(name, "Completed", objective=0.7)
    world.prints(lagging, "auc=0.4")
    world.prints(hopeful, "other=0.1", "auc=0.6")
    world.look()
    assert world.jobs.stopped == [lagging]
    world.restart()
    world.prints(hopeful, "auc=0.5")
    world.look()
    assert world.jobs.stopped == [lagging, hopeful]
    world.jobs.change(lagging, "Stopped", objective=0.4)
    world.jobs.change(hopeful, "Completed", objective=0.9)
    world.look()
    assert world.job.status == "Completed"
    assert world.trials[world.job.document["best"] - 1].name == hopeful


def test_without_early_stopping_nothing_is_given_up(world: World) -> None:
    world.begin(ResourceLimits={"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 5})
    world.look()
    for place, trial in enumerate(world.trials):
        world.prints(trial.name, f"auc=0.{place}")
    world.look()
    assert world.jobs.stopped == []


def test_hyperband_gives_up_most_and_lets_the_best_go_on(world: World) -> None:
    limits = {"MaxNumberOfTrainingJobs": 12, "MaxParallelTrainingJobs": 12}
    world.begin(Strategy="Hyperband", ResourceLimits=limits)  # 9 epochs, from the static hyperparameters
    world.look()
    members = zip(world.trials, hyperband.memberships(12, 1, 9), strict=True)
    strict = [trial for trial, bracket in members if bracket == 0]
    for place, trial in enumerate(strict):
        world.prints(trial.name, f"auc=0.{place}")
    world.look()
    kept = -(-len(strict) // 3)
    assert world.jobs.stopped == [trial.name for trial in strict[:-kept]]
    best = strict[-1]
    world.prints(best.name, *["auc=0.95"] * 8)
    world.look()
    assert best.name in world.jobs.stopped, "it has used up its epochs"


class PowerCut(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("point", ["engine.tuning_proposed", "engine.trial_created"])
@pytest.mark.parametrize("passage", [1, 2, 3])
@pytest.mark.parametrize("stopped", [False, True])
def test_each_training_job_is_made_once_through_a_crash(
    world: World, monkeypatch: pytest.MonkeyPatch, point: str, passage: int, stopped: bool
) -> None:
    passages = count(1)

    def crash_here(name: str) -> None:
        if name == point and next(passages) == passage:
            raise PowerCut

    monkeypatch.setattr(controller, "crash_here", crash_here)
    world.begin()
    with pytest.raises(PowerCut):
        run_to_the_end(world)
    monkeypatch.undo()
    if stopped:
        world.save("Stopping")
    world.restart()
    run_to_the_end(world)
    assert world.job.status == ("Stopped" if stopped else "Completed")
    assert len(set(world.jobs.created)) == len(world.jobs.created)
    assert sorted(world.jobs.created) == [trial.name for trial in world.trials]
    if not stopped:
        assert len(world.trials) == 5
    assert world.jobs.running() == []
    assert all(trial.ended for trial in world.trials)
