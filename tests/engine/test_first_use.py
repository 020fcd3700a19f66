"""Jobs and endpoints whose environment is not there yet: nobody waits for the build, and everybody can see it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clary.base.errors import ValidationException
from clary.engine.endpoints import EndpointController
from clary.engine.jobs import JobController
from clary.engine.loop import Loop
from clary.engine.processing_jobs import ProcessingJobs
from clary.engine.routes import RouteWriter
from clary.engine.surroundings import Surroundings
from clary.engine.training_jobs import TrainingJobs
from clary.engine.transform_jobs import TransformJobs
from clary.runtimes import shared_folders
from clary.runtimes.environments import Environments
from clary.runtimes.errors import EnvironmentBuildError
from clary.store import logs, resources, work
from clary.store.log_records import Span
from clary.store.resources import Resource
from tests.engine.conftest import ACCOUNT, REGION
from tests.engine.running import IMAGE, REQUESTS, VARIANT, job, make
from tests.server import eventually

KINDS = {"training-job": TrainingJobs, "processing-job": ProcessingJobs, "transform-job": TransformJobs}
BUILDING = "clary: building the environment of scikit-learn 1.2.2, which is done once"
OBTAIN = Environments.obtain


class Builder:
    """Stands where uv is called."""

    def __init__(self) -> None:
        self.begun = 0
        self.failure = ""
        self.go_on = threading.Event()

    def __call__(self, place: Any, _held: int) -> None:
        self.begun += 1
        assert self.go_on.wait(60)
        if self.failure:
            raise EnvironmentBuildError(self.failure)
        place.path.mkdir()
        shared_folders.mark_ready(place.path, "pretended")


class Stager:
    """Stands where inputs are placed: the job has come through to there, and ends."""

    def __init__(self) -> None:
        self.environments: list[Path] = []

    def __call__(self, *arguments: Any) -> Any:
        self.environments.append(arguments[-1].path)
        raise ValidationException("staged")


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch, warm: None) -> Iterator[Builder]:
    made = Builder()
    monkeypatch.setattr(Environments, "obtain", OBTAIN)
    monkeypatch.setattr(Environments, "_build", made)
    yield made
    made.go_on.set()


@contextmanager
def running(around: Surroundings, *controllers: Any, workers: int = 2) -> Iterator[Loop]:
    """As a server: in memory is nothing of an earlier one."""
    loop = Loop(around.database, controllers, around.clock, workers, back_off=0.005)
    around.environments.listen(loop.wake_unit)
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()


def controller_of(around: Surroundings, kind: str, monkeypatch: pytest.MonkeyPatch) -> tuple[JobController, Stager]:
    of, stager = KINDS[kind](around), Stager()
    monkeypatch.setattr(of, "stage", stager)
    return JobController(around, of), stager


def row_of(around: Surroundings, row: Resource) -> Resource:
    with around.database.read() as tx:
        found = resources.find_by_id(tx, row.id)
    assert found is not None
    return found


def until(around: Surroundings, row: Resource, reached: Callable[[Resource], bool]) -> Resource:
    def look() -> Resource | None:
        found = row_of(around, row)
        return found if reached(found) else None

    return eventually(look)


def lines_of(around: Surroundings, group: str, prefix: str = "") -> list[str]:
    with around.database.read() as tx:
        found = logs.find_group(tx, ACCOUNT, REGION, group)
        if found is None:
            return []
        streams = logs.find_streams(tx, found, prefix=prefix)
        return [event.message for event in logs.page_group(tx, found, Span(), streams=streams, after=None, limit=99)]


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_build_is_seen_and_the_job_goes_on_after_it(
    around: Surroundings, builder: Builder, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, stager = controller_of(around, kind, monkeypatch)
    group = KINDS[kind].log_group
    with running(around, controller):
        row = job(around, kind)
        eventually(lambda: lines_of(around, group, "x/algo-1-") == [BUILDING])
        found = row_of(around, row)
        assert (found.status, found.document["stage"]) == ("InProgress", "DownloadingTrainingImage")
        assert stager.environments == []
        builder.go_on.set()
        ended = until(around, row, lambda row: row.status == "Failed")
    assert [path.name.rpartition("-")[0] for path in stager.environments] == ["scikit-learn-1.2"]
    assert ended.document["failure"] == "ClientError: staged"
    assert lines_of(around, group) == [BUILDING, "clary: could not start: ClientError: staged"]
    if kind == "training-job":
        stages = [step["Status"] for step in ended.document["transitions"]]
        assert stages == ["Starting", "DownloadingTrainingImage", "Downloading", "Failed"]


def test_what_is_built_is_not_spoken_of(
    around: Surroundings, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, _ = controller_of(around, "training-job", monkeypatch)
    builder.go_on.set()
    around.environments.prepare(IMAGE)
    with running(around, controller):
        ended = until(around, job(around, "training-job"), lambda row: row.status == "Failed")
    assert [step["Status"] for step in ended.document["transitions"]] == ["Starting", "Downloading", "Failed"]
    assert lines_of(around, TrainingJobs.log_group) == []


def test_builds_hold_up_nobody_else(around: Surroundings, builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, stager = controller_of(around, "training-job", monkeypatch)
    builder.go_on.set()
    around.environments.prepare(IMAGE)
    builder.go_on.clear()
    cold = {"AlgorithmSpecification": {"TrainingImage": IMAGE.replace("scikit-learn:1.2-1", "xgboost:1.7-1")}}
    with running(around, controller, workers=2):
        waiting = [named(around, f"cold-{number}", cold) for number in range(6)]
        eventually(lambda: all(row_of(around, row).document.get("stage") for row in waiting))
        until(around, named(around, "warm", {}), lambda row: row.status == "Failed")
        builder.go_on.set()
        for row in waiting:
            until(around, row, lambda row: row.status == "Failed")
    assert builder.begun == 2
    assert len(stager.environments) == 7


def named(around: Surroundings, name: str, request: dict[str, Any]) -> Resource:
    now = around.clock.now()
    started = {"Status": "Starting", "StartTime": now, "StatusMessage": ""}
    document = {
        "request": {**REQUESTS["training-job"], **request},
        "role": f"arn:aws:iam::{ACCOUNT}:role/r",
        "transitions": [started],
    }
    with around.database.write() as tx:
        row = resources.create(
            tx,
            account=ACCOUNT,
            region=REGION,
            kind="training-job",
            name=name,
            arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}",
            document=document,
            status="InProgress",
            now=now,
        )
        work.enqueue(tx, row, now)
    return row


def test_a_job_is_stopped_during_the_build(
    around: Surroundings, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, stager = controller_of(around, "training-job", monkeypatch)
    with running(around, controller):
        row = job(around, "training-job")
        eventually(lambda: lines_of(around, TrainingJobs.log_group))
        ask(around, row, "Stopping", stop_requested=True)
        until(around, row, lambda row: row.status == "Stopped")
        assert not builder.go_on.is_set()
    assert stager.environments == []


def ask(around: Surroundings, row: Resource, status: str, **entries: Any) -> None:
    """As a handler does; the engine may have touched the row meanwhile."""

    def try_it() -> bool:
        current, now = row_of(around, row), around.clock.now()
        document = {**current.document, **entries}
        try:
            with around.database.write() as tx:
                work.enqueue(tx, resources.save(tx, current, document=document, status=status, now=now), now)
        except resources.StaleRevision:
            return False
        return True

    eventually(try_it)


def test_a_failed_build_ends_the_job_and_the_next_one_tries_again(
    around: Surroundings, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, stager = controller_of(around, "training-job", monkeypatch)
    builder.failure = "no network"
    builder.go_on.set()
    with running(around, controller):
        ended = until(around, job(around, "training-job"), lambda row: row.status == "Failed")
        assert ended.document["failure"] == "InternalServerError: no network"
        reason = "clary: could not start: InternalServerError: no network"
        assert lines_of(around, TrainingJobs.log_group, "x/") == [BUILDING, reason]
        builder.failure = ""
        until(around, named(around, "next", {}), lambda row: row.status == "Failed")
    assert (builder.begun, len(stager.environments)) == (2, 1)


def test_a_retry_strategy_builds_again(
    around: Surroundings, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, _ = controller_of(around, "training-job", monkeypatch)
    builder.failure = "no network"
    builder.go_on.set()
    with running(around, controller):
        row = job(around, "training-job", RetryStrategy={"MaximumRetryAttempts": 1})
        ended = until(around, row, lambda row: row.status == "Failed")
    assert (ended.document["restarts"], builder.begun) == (1, 2)


def test_the_next_server_builds_what_the_last_one_was_building(
    around: Surroundings, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, _ = controller_of(around, "processing-job", monkeypatch)
    builder.failure = "killed"
    with running(around, controller):
        row = job(around, "processing-job")
        eventually(lambda: builder.begun == 1 and lines_of(around, ProcessingJobs.log_group))
    around.environments._builds.close(builder.go_on.set)
    builder.failure = ""
    later = replace(around, environments=Environments(around.environments.folder))
    controller, stager = controller_of(later, "processing-job", monkeypatch)
    with running(later, controller):
        until(later, row, lambda row: row.status == "Failed")
    assert (builder.begun, len(stager.environments)) == (2, 1)
    assert lines_of(later, ProcessingJobs.log_group).count(BUILDING) == 1


# -- endpoints -----------------------------------------------------------------------------------------------------


def endpoint(around: Surroundings) -> Resource:
    target = {"generation": 1, "config": "c", "variants": [{**VARIANT, "InitialInstanceCount": 2}]}
    return make(around, "endpoint", "Creating", {"target": target, "config": "c", "fleet": []})


def endpoints(around: Surroundings) -> EndpointController:
    return EndpointController(around, RouteWriter(around))


GROUP = "/aws/sagemaker/Endpoints/x"


def test_an_endpoint_shows_that_it_waits_for_a_build(
    around: Surroundings, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[str] = []

    def launch(*arguments: Any) -> None:
        launched.append(arguments[2])
        raise ValidationException("launched")

    monkeypatch.setattr("clary.engine.replicas._launch", launch)
    with running(around, endpoints(around)):
        row = endpoint(around)
        eventually(lambda: lines_of(around, GROUP) == [BUILDING, BUILDING])  # one of each replica
        assert (row_of(around, row).status, launched) == ("Creating", [])
        builder.go_on.set()
        ended = until(around, row, lambda row: row.status == "Failed")
    assert ended.document["failure"] == "ClientError: launched"
    assert builder.begun == 1
    assert launched
    assert set(launched) <= {f"e{row.id}-g1-all-{index}-a1" for index in (0, 1)}
    assert "clary: could not start: ClientError: launched" in lines_of(around, GROUP)


def test_an_endpoint_whose_environment_cannot_be_built_fails(around: Surroundings, builder: Builder) -> None:
    builder.failure = "no network"
    builder.go_on.set()
    with running(around, endpoints(around)):
        ended = until(around, endpoint(around), lambda row: row.status == "Failed")
    assert ended.document["failure"] == "InternalServerError: no network"


def test_an_endpoint_is_deleted_during_the_build(around: Surroundings, builder: Builder) -> None:
    with running(around, endpoints(around)):
        row = endpoint(around)
        eventually(lambda: lines_of(around, GROUP))
        ask(around, row, "Deleting")

        def gone() -> bool:
            with around.database.read() as tx:
                return resources.find_by_id(tx, row.id) is None

        eventually(gone)
        assert not builder.go_on.is_set()
