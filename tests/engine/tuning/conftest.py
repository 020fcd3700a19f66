"""A real database in a temporary folder, and a stand-in for the part of the API that tuning jobs call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clary.base.clock import to_epoch_ms
from clary.base.errors import ResourceInUse, ResourceNotFound, ValidationException
from clary.definitions.tuning.job import Definition, completed
from clary.engine.own_calls import Actor
from clary.engine.tuning.controller import TuningController
from clary.store import logs, resources, tuning_trials, work
from clary.store.database import Database
from clary.store.resources import Resource
from clary.store.tuning_trials import Trial

ACCOUNT, REGION = "111122223333", "us-east-1"
BEGIN = datetime(2026, 3, 4, tzinfo=UTC)
DEFINITION: dict[str, Any] = {
    "StaticHyperParameters": {"epochs": "9"},
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": "role",
    "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
}


class Clock:
    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time

    def monotonic(self) -> float:
        return (self.time - BEGIN).total_seconds()


@dataclass
class Jobs:
    """Implements `OwnCalls` for training jobs, as rows of the real table."""

    database: Database
    clock: Clock
    created: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    tags: list[Any] = field(default_factory=list)
    refuse: str = ""

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        assert (service, actor.account, actor.region, actor.role_arn) == ("sagemaker", ACCOUNT, REGION, None)
        return getattr(self, operation)(parameters, actor)

    def CreateTrainingJob(self, request: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        name = request["TrainingJobName"]
        if self.refuse:
            raise ValidationException(self.refuse)
        self.tags.append(request.get("Tags"))
        try:
            self._add(name, {"values": request["HyperParameters"], "tuning_job": actor.source_arn})
        except resources.AlreadyExists as error:
            raise ResourceInUse("already exists") from error
        self.created.append(name)
        return {}

    def StopTrainingJob(self, request: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        self.stopped.append(request["TrainingJobName"])
        self.change(request["TrainingJobName"], "Stopping")
        return {}

    def DescribeTrainingJob(self, request: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        row = self.row(request["TrainingJobName"])
        if row is None:
            raise ResourceNotFound("not found")
        told = {
            "TrainingJobStatus": row.status,
            "TuningJobArn": row.document["tuning_job"],
            **row.document.get("told", {}),
        }
        return {name: value for name, value in told.items() if value is not None}

    def row(self, name: str) -> Resource | None:
        with self.database.read() as tx:
            return resources.find(tx, ACCOUNT, REGION, "training-job", name)

    def running(self) -> list[Resource]:
        with self.database.read() as tx:
            found = resources.all_of_kind(tx, "training-job")
        return [row for row in found if row.status in {"InProgress", "Stopping"}]

    def change(self, name: str, status: str, objective: float | None = None, failure: str | None = None) -> None:
        row = self.row(name)
        assert row is not None
        now = self.clock.now()
        told: dict[str, Any] = {"TrainingStartTime": BEGIN, "FailureReason": failure}
        if status not in {"InProgress", "Stopping"}:
            told["TrainingEndTime"] = now
        if objective is not None:
            told["FinalMetricDataList"] = [{"MetricName": "auc", "Value": objective, "Timestamp": now}]
        with self.database.write() as tx:
            resources.save(tx, row, document={**row.document, "told": told}, status=status, now=now)

    def _add(self, name: str, document: dict[str, Any]) -> None:
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name.lower()}"
        with self.database.write() as tx:
            resources.create(
                tx,
                account=ACCOUNT,
                region=REGION,
                kind="training-job",
                name=name,
                arn=arn,
                document=document,
                now=self.clock.now(),
                status="InProgress",
            )


def numbers_in(definition: Definition, lines: Iterable[str]) -> list[float]:
    """Lines such as `auc=0.5`."""
    return [float(line.partition("=")[2]) for line in lines if line.startswith(f"{definition.metric}=")]


@dataclass
class World:
    """One tuning job in a database, and the controller that looks after it."""

    database: Database
    clock: Clock
    jobs: Jobs
    woken: list[int] = field(default_factory=list)
    job_id: int = 0
    controller: Any = None

    def begin(self, *, tags: list[dict[str, str]] | None = None, **config: Any) -> None:
        request = {
            "HyperParameterTuningJobName": "Tune",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 2},
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "auc"},
                "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]},
                **config,
            },
            "TrainingJobDefinition": DEFINITION,
        }
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:hyper-parameter-tuning-job/tune"
        document = {"request": completed(request), "tags": tags or []}
        with self.database.write() as tx:
            row = resources.create(
                tx,
                account=ACCOUNT,
                region=REGION,
                kind="hyper-parameter-tuning-job",
                name="Tune",
                arn=arn,
                document=document,
                now=self.clock.now(),
                status="InProgress",
            )
            work.enqueue(tx, row, self.clock.now())
        self.job_id = row.id
        self.restart()

    def restart(self) -> None:
        """A new controller, as after a crash."""
        around: Any = SimpleNamespace(database=self.database, clock=self.clock, calls=self.jobs)
        self.controller = TuningController(
            around, lambda resource_id, kind: self.woken.append(resource_id), numbers_in
        )

    def prints(self, name: str, *lines: str) -> None:
        """The training job's log grows."""
        now = self.clock.now()
        with self.database.write() as tx:
            logs.append(
                tx,
                ACCOUNT,
                REGION,
                "/aws/sagemaker/TrainingJobs",
                f"{name}/algo-1-1",
                [(to_epoch_ms(now), line) for line in lines],
                now=now,
            )

    def look(self) -> float | None:
        """Reconcile until nothing is due at once."""
        again = self.controller.reconcile(self.job)
        while again == 0.0:
            again = self.controller.reconcile(self.job)
        return again

    @property
    def job(self) -> Resource:
        with self.database.read() as tx:
            found = resources.find_by_id(tx, self.job_id)
        assert found is not None
        return found

    @property
    def trials(self) -> list[Trial]:
        with self.database.read() as tx:
            return tuning_trials.of_job(tx, self.job_id)

    def save(self, status: str) -> None:
        with self.database.write() as tx:
            resources.save(tx, self.job_row(tx), status=status, now=self.clock.now())

    def job_row(self, tx: Any) -> Resource:
        found = resources.find_by_id(tx, self.job_id)
        assert found is not None
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(tmp_path / "clary.db")
    clock = Clock()
    yield World(database, clock, Jobs(database, clock))
    database.close()


def trial(number: int, status: str, objective: float | None = None, **changes: Any) -> Trial:
    """A trial for tests of the plan; they end in the order of their numbers."""
    made = Trial(1, number, f"t-{number:03d}", "", {"x": str(number / 10)}, BEGIN, status, objective=objective)
    ended = BEGIN + timedelta(seconds=number) if made.ended else None
    return replace(made, **{"ended_at": ended, **changes})
