"""Trials of tuning jobs: kept per job, paged in every order without a gap or a repetition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clary.store import tuning_trials
from clary.store.database import Database
from clary.store.tuning_trials import Trial, TrialQuery

NOW = datetime(2026, 3, 4, tzinfo=UTC)
STATUSES = ("Completed", "Failed", "Completed", "Stopped", "Completed", "InProgress", "Planned")
OBJECTIVES = (0.5, None, 0.25, None, 0.5, None, None)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    with database.write() as tx:
        tuning_trials.add(tx, [made(number) for number in range(1, 8)])
        tuning_trials.add(tx, [replace(made(1), job_id=2)])
    yield database
    database.close()


def made(number: int) -> Trial:
    return Trial(
        1,
        number,
        f"t-{number:03d}",
        "",
        {"x": str(number)},
        NOW + timedelta(seconds=number // 2),
        STATUSES[number - 1],
        objective=OBJECTIVES[number - 1],
    )


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("sort", "status", "expected"),
    [
        ("name", None, [1, 2, 3, 4, 5, 6]),
        ("created_at", None, [1, 2, 3, 4, 5, 6]),
        ("status", None, [1, 3, 5, 2, 6, 4]),
        ("objective", None, [3, 1, 5]),
        ("name", "Completed", [1, 3, 5]),
        ("objective", "Failed", []),
    ],
)
def test_pages_are_complete_in_every_order(
    database: Database, sort: str, status: str | None, expected: list[int], descending: bool
) -> None:
    for limit in (1, 2, 10):
        found: list[int] = []
        after: list[Any] | None = None
        while True:
            with database.read() as tx:
                page = tuning_trials.page(tx, TrialQuery(1, status, sort, descending, limit, after))
            if not page:
                break
            found += [trial.number for trial in page]
            after = tuning_trials.position(page[-1], sort)
        assert found == (expected[::-1] if descending else expected)


def test_a_trial_comes_back_as_it_was_saved(database: Database) -> None:
    changed = replace(
        made(6), status="Failed", failure="why", arn="arn", started_at=NOW, ended_at=NOW + timedelta(microseconds=1)
    )
    with database.write() as tx:
        tuning_trials.save(tx, changed)
    with database.read() as tx:
        assert tuning_trials.find(tx, 1, 6) == changed
        assert tuning_trials.find(tx, 2, 1) == replace(made(1), job_id=2)
        assert tuning_trials.find(tx, 1, 9) is None


def test_any_name_may_be_a_hyperparameter(database: Database) -> None:
    odd = replace(made(6), number=8, parameters={"$time": "5"})
    with database.write() as tx:
        tuning_trials.add(tx, [odd])
    with database.read() as tx:
        assert tuning_trials.find(tx, 1, 8) == odd


def test_removing(database: Database) -> None:
    with database.write() as tx:
        tuning_trials.remove(tx, made(7))
    with database.read() as tx:
        assert [trial.number for trial in tuning_trials.of_job(tx, 1)] == [1, 2, 3, 4, 5, 6]
    with database.write() as tx:
        tuning_trials.remove_all(tx, 1)
    with database.read() as tx:
        assert tuning_trials.of_job(tx, 1) == []
        assert len(tuning_trials.of_job(tx, 2)) == 1
