"""What to do next with a tuning job: a pure decision over its trials, the time, and what early stopping says."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from clary.definitions.tuning.job import TuningJob
from clary.store.tuning_trials import PLANNED, Trial

_HOPELESS = 5
"""So many training jobs without any objective are enough to know that no more will help."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The terminal status of a tuning job."""

    status: str
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`start`: trials whose training job must exist; `settle`: trials that were to be started and now must not be."""

    propose: int = 0
    start: tuple[Trial, ...] = ()
    settle: tuple[Trial, ...] = ()
    stop: tuple[Trial, ...] = ()
    end: Ending | None = None


def plan(
    job: TuningJob,
    trials: Sequence[Trial],
    *,
    stop_requested: bool,
    finishing: bool,
    seconds: float,
    surplus: Set[int],
) -> Plan:
    """`finishing`: `enough` has been true once; `seconds` since the tuning job was created; `surplus`: numbers of
    trials that early stopping gives up."""
    planned = tuple(trial for trial in trials if trial.status == PLANNED)
    active = [trial for trial in trials if trial.active]
    if stop_requested or finishing:
        if active or planned:
            return Plan(settle=planned, stop=tuple(trial for trial in active if trial.status == "InProgress"))
        return Plan(end=Ending("Stopped") if stop_requested else _ending(job, trials, seconds))
    left = max(0, job.max_jobs - len(trials))
    if not left and not active and not planned:
        return Plan(end=_ending(job, trials, seconds))
    room = max(0, job.max_parallel - len(active) - len(planned))
    given_up = tuple(trial for trial in active if trial.number in surplus and trial.status == "InProgress")
    return Plan(propose=min(room, left), start=planned, stop=given_up)


def enough(job: TuningJob, trials: Sequence[Trial], seconds: float) -> bool:
    """Whether a completion criterion is met, the time is over, or nothing can come of it any more."""
    best = best_of(job, trials)
    ended = [trial for trial in trials if trial.ended]
    return (
        _out_of_time(job, seconds)
        or (best is None and len(ended) >= _HOPELESS)
        or (best is not None and job.target is not None and _loss(job, best) <= job.loss(job.target))
        or (job.max_not_improving is not None and not_improving(job, trials) >= job.max_not_improving)
    )


def best_of(job: TuningJob, trials: Sequence[Trial]) -> Trial | None:
    """The trial with the best objective; of equal ones the first."""
    rated = [trial for trial in trials if trial.objective is not None]
    return min(rated, key=lambda trial: (_loss(job, trial), trial.number), default=None)


def not_improving(job: TuningJob, trials: Sequence[Trial]) -> int:
    """How many training jobs have ended since the best one so far."""
    best, count = None, 0
    for trial in sorted((t for t in trials if t.ended), key=lambda t: (t.ended_at or t.created_at, t.number)):
        if trial.objective is not None and (best is None or _loss(job, trial) < best):
            best, count = _loss(job, trial), 0
        else:
            count += 1
    return count


def _loss(job: TuningJob, trial: Trial) -> float:
    if trial.objective is None:
        raise AssertionError("only trials with an objective are compared")
    return job.loss(trial.objective)


def _out_of_time(job: TuningJob, seconds: float) -> bool:
    return job.max_seconds is not None and seconds >= job.max_seconds


def _ending(job: TuningJob, trials: Sequence[Trial], seconds: float) -> Ending:
    if best_of(job, trials) is not None:
        return Ending("Completed")
    failed = [trial for trial in trials if trial.status == "Failed"]
    if failed and len(failed) == len(trials):
        first = failed[0]
        return Ending("Failed", f"All training jobs failed. The first of them, {first.name}: {first.failure}")
    if _out_of_time(job, seconds):
        return Ending(
            "Failed", f"MaxRuntimeInSeconds ({job.max_seconds} s) was over before any training job had an objective."
        )
    metrics = " or ".join(sorted({definition.metric for definition in job.definitions}))
    cause = f" The first that failed, {failed[0].name}: {failed[0].failure}" if failed else ""
    return Ending(
        "Failed",
        f"No objective metrics found after running {len(trials)} training jobs. Please ensure that the algorithm "
        f"emits {metrics} as a regular expression of its MetricDefinitions finds it.{cause}",
    )
