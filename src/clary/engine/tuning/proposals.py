"""From trials to the next proposals: picks definition and search, and hands the search what is known. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clary.definitions.tuning.job import TuningJob
from clary.definitions.tuning.ranges import combinations
from clary.engine.tuning.search import Result, Search, bayesian, grid, hyperband, random
from clary.store.tuning_trials import Trial

SEARCHES: Mapping[str, Search] = {
    "Random": random.propose,
    "Grid": grid.propose,
    "Bayesian": bayesian.propose,
    "Hyperband": hyperband.propose,
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """Values to try with one of the definitions, as the trial of this number."""

    number: int
    definition: str
    parameters: dict[str, str]


def propose(job: TuningJob, trials: Sequence[Trial], prior: Sequence[Result], count: int) -> list[Proposal]:
    """Up to `count` proposals. Definitions take turns; each is searched by itself."""
    numbers = range(len(trials) + 1, len(trials) + 1 + count)
    turns: dict[int, list[int]] = {}
    for number in numbers:
        turns.setdefault(_turn(job, number), []).append(number)
    found = [
        proposal for index, wanted in turns.items() for proposal in _propose_for(job, index, trials, prior, wanted)
    ]
    return sorted(found, key=lambda proposal: proposal.number)


def results_of(job: TuningJob, trials: Sequence[Trial], *, prior: bool = False) -> list[Result]:
    """What ended trials taught. A trial that ended without an objective is a failure."""
    return [
        Result(trial.parameters, None if trial.objective is None else job.loss(trial.objective), prior)
        for trial in trials
        if trial.ended
    ]


def _propose_for(
    job: TuningJob, index: int, trials: Sequence[Trial], prior: Sequence[Result], numbers: Sequence[int]
) -> list[Proposal]:
    definition = job.definitions[index]
    own = [trial for trial in trials if trial.definition == definition.name]
    search = SEARCHES[job.strategy]
    running = [trial.parameters for trial in own if not trial.ended]
    results = [*prior, *results_of(job, own)]
    found = search(definition.ranges, results, running, job.seed * 16 + index, len(numbers))
    return [Proposal(number, definition.name, each) for number, each in zip(numbers, found, strict=False)]


def _turn(job: TuningJob, number: int) -> int:
    """Which definition the n-th trial belongs to. A grid that is complete gives its turns to the others."""
    if job.strategy != "Grid":
        return (number - 1) % len(job.definitions)
    sizes = [combinations(definition.ranges) or 0 for definition in job.definitions]
    counts = [0] * len(sizes)
    turn = 0
    for _ in range(number):
        turn = min(range(len(sizes)), key=lambda index: (counts[index] >= sizes[index], counts[index], index))
        counts[turn] += 1
    return turn
