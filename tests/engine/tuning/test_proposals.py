"""Several definitions take turns, and each learns from its own trials only."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from clary.definitions.tuning.job import Definition, TuningJob
from clary.definitions.tuning.ranges import read_ranges
from clary.engine.tuning.proposals import propose, results_of
from clary.store.tuning_trials import Trial
from tests.engine.tuning.conftest import trial


def definition(name: str, values: int) -> Definition:
    raw = {"CategoricalParameterRanges": [{"Name": name, "Values": [str(i) for i in range(values)]}]}
    return Definition(name, "auc", read_ranges(raw), {})


JOB = TuningJob(
    strategy="Random",
    maximize=True,
    definitions=(definition("one", 4), definition("two", 2)),
    max_jobs=6,
    max_parallel=6,
    max_seconds=None,
    target=None,
    max_not_improving=None,
    seed=1,
    early_stopping=False,
    resources=None,
)


def test_definitions_take_turns() -> None:
    first = propose(JOB, [], [], 4)
    assert [(each.number, each.definition) for each in first] == [(1, "one"), (2, "two"), (3, "one"), (4, "two")]
    assert all(set(each.parameters) == {each.definition} for each in first)


def test_a_grid_of_several_definitions_is_complete() -> None:
    job = replace(JOB, strategy="Grid")
    trials: list[Trial] = []
    for count in (1, 2, 3, 5):
        for each in propose(job, trials, [], min(count, 6 - len(trials))):
            made = trial(each.number, "Completed", 0.5, parameters=each.parameters, definition=each.definition)
            trials.append(made)
    tried = Counter((each.definition, *each.parameters.items()) for each in trials)
    assert set(tried.values()) == {1}
    assert Counter(each.definition for each in trials) == {"one": 4, "two": 2}


def test_a_search_minimizes_and_knows_failures() -> None:
    trials = [trial(1, "Completed", 0.5), trial(2, "Failed"), trial(3, "InProgress")]
    assert [result.loss for result in results_of(JOB, trials)] == [-0.5, None]
    assert [result.loss for result in results_of(replace(JOB, maximize=False), trials)] == [0.5, None]
