"""The plan of a tuning job: how many at once, when it is enough, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.definitions.tuning.job import Definition, TuningJob
from clary.engine.tuning.plan import Ending, best_of, enough, not_improving, plan
from clary.store.tuning_trials import PLANNED, Trial
from tests.engine.tuning.conftest import trial

JOB = TuningJob(
    strategy="Random",
    maximize=True,
    definitions=(Definition("", "auc", (), {}),),
    max_jobs=4,
    max_parallel=2,
    max_seconds=None,
    target=None,
    max_not_improving=None,
    seed=1,
    early_stopping=False,
    resources=None,
)
CALM: dict[str, Any] = {"stop_requested": False, "finishing": False, "seconds": 1.0, "surplus": set()}


def done(*objectives: float | None) -> list[Trial]:
    return [
        trial(number, "Completed" if objective is not None else "Failed", objective, failure="AlgorithmError: x")
        for number, objective in enumerate(objectives, 1)
    ]


def test_it_fills_up_to_the_limits() -> None:
    assert plan(JOB, [], **CALM).propose == 2
    assert plan(JOB, [trial(1, "InProgress")], **CALM).propose == 1
    assert plan(JOB, [trial(1, "InProgress"), trial(2, "Stopping")], **CALM).propose == 0
    assert plan(JOB, [*done(0.1, 0.2, 0.3)], **CALM).propose == 1
    planned = trial(1, PLANNED)
    assert plan(JOB, [planned], **CALM).start == (planned,)
    assert plan(JOB, done(0.1, 0.2, 0.3, 0.4), **CALM).end == Ending("Completed")


def test_stopping_stops_everything_and_then_ends() -> None:
    running, stopping, planned = trial(1, "InProgress"), trial(2, "Stopping"), trial(3, PLANNED)
    decided = plan(JOB, [running, stopping, planned], **{**CALM, "stop_requested": True})
    assert (decided.stop, decided.settle, decided.end) == ((running,), (planned,), None)
    assert plan(JOB, done(0.1), **{**CALM, "stop_requested": True}).end == Ending("Stopped")
    assert plan(JOB, [], **{**CALM, "stop_requested": True}).end == Ending("Stopped")


@pytest.mark.parametrize(
    ("job", "trials", "seconds", "expected"),
    [
        (JOB, done(0.9), 1.0, False),
        (replace(JOB, target=0.9), done(0.9), 1.0, True),
        (replace(JOB, target=0.9), done(0.8), 1.0, False),
        (replace(JOB, target=0.1, maximize=False), done(0.05), 1.0, True),
        (replace(JOB, target=0.1, maximize=False), done(0.5), 1.0, False),
        (replace(JOB, max_seconds=120), [], 119.0, False),
        (replace(JOB, max_seconds=120), [], 120.0, True),
        (replace(JOB, max_not_improving=3), done(0.5, 0.4, 0.4, 0.6), 1.0, False),
        (replace(JOB, max_not_improving=3), done(0.5, 0.4, None, 0.5), 1.0, True),
        (replace(JOB, max_jobs=9), done(None, None, None, None), 1.0, False),
        (replace(JOB, max_jobs=9), done(None, None, None, None, None), 1.0, True),
        (replace(JOB, max_jobs=9), done(None, None, None, None, 0.1), 1.0, False),
    ],
)
def test_when_it_is_enough(job: TuningJob, trials: list[Trial], seconds: float, expected: bool) -> None:
    assert enough(job, trials, seconds) is expected


def test_a_job_that_finishes_starts_nothing_more() -> None:
    finishing = {**CALM, "finishing": True}
    assert plan(JOB, [*done(0.9), trial(2, "InProgress")], **finishing).propose == 0
    assert plan(JOB, done(0.9), **finishing).end == Ending("Completed")


def test_endings_without_an_objective_say_why() -> None:
    failed = plan(JOB, done(None, None, None, None), **CALM).end
    assert failed is not None
    assert failed.status == "Failed"
    assert "t-001: AlgorithmError: x" in (failed.failure or "")
    silent = plan(JOB, [trial(n, "Completed") for n in range(1, 5)], **CALM).end
    assert silent is not None
    assert "No objective metrics found after running 4 training jobs" in (silent.failure or "")
    assert "auc" in (silent.failure or "")
    late = plan(replace(JOB, max_seconds=120), [], **{**CALM, "finishing": True, "seconds": 130.0}).end
    assert late is not None
    assert "MaxRuntimeInSeconds (120 s)" in (late.failure or "")


def test_the_best_one() -> None:
    trials = done(0.5, None, 0.9, 0.9)
    assert best_of(JOB, trials) == trials[2]
    assert best_of(replace(JOB, maximize=False), trials) == trials[0]
    assert best_of(JOB, done(None)) is None
    assert not_improving(JOB, trials) == 1


def test_surplus_trials_are_stopped_while_others_go_on() -> None:
    one, two = trial(1, "InProgress"), trial(2, "InProgress")
    assert plan(JOB, [one, two], **{**CALM, "surplus": {2}}).stop == (two,)
    assert plan(JOB, [one, trial(2, "Stopping")], **{**CALM, "surplus": {2}}).stop == ()


statuses = st.sampled_from([PLANNED, "InProgress", "Stopping", "Completed", "Failed", "Stopped"])


@given(st.lists(statuses, max_size=6), st.booleans(), st.booleans(), st.integers(1, 6), st.integers(1, 4))
def test_no_plan_exceeds_limits_or_stands_still(
    found: list[str], stop_requested: bool, finishing: bool, most: int, parallel: int
) -> None:
    trials = [trial(n, status, 0.5 if status == "Completed" else None) for n, status in enumerate(found[:most], 1)]
    job = replace(JOB, max_jobs=most, max_parallel=parallel)
    decided = plan(job, trials, stop_requested=stop_requested, finishing=finishing, seconds=1.0, surplus=set())
    active = sum(t.active for t in trials)
    assert len(trials) + decided.propose <= most
    if decided.propose:
        assert active + sum(t.status == PLANNED for t in trials) + decided.propose <= parallel
        assert not stop_requested
        assert not finishing
    if decided.end:
        assert all(t.ended for t in trials)
    else:
        assert active or decided.propose or decided.start or decided.settle
