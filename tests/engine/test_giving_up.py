"""Errors that nobody foresaw, put into the looks of jobs and endpoints: a few attempts, then an end with a reason."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from clary.engine.endpoints import EndpointController
from clary.engine.jobs import JobController
from clary.engine.processing_jobs import ProcessingJobs
from clary.engine.routes import RouteWriter
from clary.engine.surroundings import Surroundings
from clary.engine.training_jobs import TrainingJobs
from clary.engine.transform_jobs import TransformJobs
from tests.engine.running import REQUESTS, job, make, run

PATH = "/srv/clary/units/t1-algo-1"


class Faulty:
    """Raises at each call and counts them."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self.calls = 0
        self._error = error

    def __call__(self, *_arguments: object, **_named: object) -> Any:
        self.calls += 1
        raise self._error()


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_job_that_cannot_be_launched_ends_as_failed(
    around: Surroundings, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    of = {"training-job": TrainingJobs, "processing-job": ProcessingJobs, "transform-job": TransformJobs}[kind](
        around
    )
    faulty = Faulty(lambda: RuntimeError(f"no {PATH}"))
    monkeypatch.setattr(of, "stage", faulty)
    with caplog.at_level(logging.ERROR):
        ended = run(around, JobController(around, of), job(around, kind), lambda row: row.status == "Failed")
    assert faulty.calls == 5
    assert ended.document["failure"].startswith("InternalServerError: an error inside Clary")
    assert PATH not in ended.document["failure"]
    assert f"RuntimeError: no {PATH}" in caplog.text
    assert "Traceback" in caplog.text


def test_errors_of_a_kind_that_requests_cause_end_the_job_at_once(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kind = TrainingJobs(around)
    faulty = Faulty(lambda: KeyError(PATH))
    monkeypatch.setattr(kind, "stage", faulty)
    with caplog.at_level(logging.INFO):
        ended = run(around, JobController(around, kind), job(around, kind.kind), lambda row: row.status == "Failed")
    assert (faulty.calls, PATH in ended.document["failure"]) == (1, False)
    assert "Traceback" in caplog.text


def test_a_retry_strategy_counts_them_as_internal_errors(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = TrainingJobs(around)
    faulty = Faulty(lambda: RuntimeError(PATH))
    monkeypatch.setattr(kind, "stage", faulty)
    row = job(around, kind.kind, RetryStrategy={"MaximumRetryAttempts": 1})
    ended = run(around, JobController(around, kind), row, lambda row: row.status == "Failed")
    assert ended.document["restarts"] == 1
    assert faulty.calls > 5


def test_a_database_in_trouble_ends_no_job(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = TrainingJobs(around)
    faulty = Faulty(lambda: OperationalError("", None, Exception("database is locked")))
    monkeypatch.setattr(kind, "stage", faulty)
    row = run(around, JobController(around, kind), job(around, kind.kind), lambda _row: faulty.calls > 6)
    assert row.status == "InProgress"


def test_a_job_that_cannot_be_collected_ends_too_and_its_unit_goes(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = TrainingJobs(around)
    monkeypatch.setattr(kind, "collect", Faulty(lambda: RuntimeError(PATH)))
    row = job(around, kind.kind)
    unit = f"t{row.id}-algo-1"
    folder = around.runtime.unit_folder(unit)
    folder.mkdir(parents=True)
    (folder / "started").touch()
    (folder / "lock").touch()  # nobody holds it: the shim is dead
    ended = run(around, JobController(around, kind), row, lambda row: row.status == "Failed" and not folder.exists())
    assert ended.document["failure"].startswith("InternalServerError")


@pytest.mark.parametrize(
    ("status", "after"), [("Creating", "Failed"), ("Updating", "InService"), ("InService", "InService")]
)
def test_an_endpoint_that_cannot_be_deployed_falls_back(
    around: Surroundings, status: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = {"generation": 1, "config": "c", "variants": []}
    document: dict[str, Any] = {"target": {**target, "generation": 2}, "config": "c", "fleet": []}
    if status != "Creating":
        document["active"] = target
    row = make(around, "endpoint", status, document)
    controller = EndpointController(around, RouteWriter(around))
    faulty = Faulty(lambda: RuntimeError(PATH))
    monkeypatch.setattr("clary.engine.endpoints.plan", faulty)
    ended = run(around, controller, row, lambda row: faulty.calls >= 5 and row.status == after)
    if status != "InService":
        assert ended.document["failure"].startswith("InternalServerError")
        assert PATH not in ended.document["failure"]
