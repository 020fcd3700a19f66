"""A real database, and a stand-in in memory for the part of the API that steps call; it counts what is made."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clary.base.errors import ApiError, ResourceInUse, ResourceNotFound, ValidationException
from clary.engine.own_calls import Actor
from clary.engine.pipelines.controller import PipelineController
from clary.engine.pipelines.rows import read_rows
from clary.engine.role_objects import RoleObjects
from clary.store import resources
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.store.resources import Resource
from clary.store.storage import OwnStorage

ACCOUNT, REGION, ROLE = "111122223333", "us-east-1", "arn:aws:iam::111122223333:role/r"
PIPELINE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/p"
BEGIN = datetime(2026, 3, 4, tzinfo=UTC)
JOBS = ("ProcessingJob", "TrainingJob", "TransformJob", "HyperParameterTuningJob")


class Clock:
    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time


@dataclass
class Calls:
    """Implements `OwnCalls`. `fail` maps an operation to errors that its next calls raise."""

    clock: Clock
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    invoked: int = 0
    answering: threading.Event = field(default_factory=threading.Event)
    fail: dict[str, list[ApiError]] = field(default_factory=dict)

    def __call__(self, service: str, operation: str, request: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        assert (actor.account, actor.region, actor.role_arn) == (ACCOUNT, REGION, ROLE)
        if self.fail.get(operation):
            raise self.fail[operation].pop(0)
        if service == "sqs":
            self.messages.append(json.loads(request["MessageBody"]))
            return {}
        if service == "lambda":
            self.invoked += 1
            self.answering.wait(10)
            return {"Payload": b'{"answer": 1}'}
        if operation.startswith("List"):
            return {"TrainingJobSummaries": []}
        word = operation.removeprefix("Create").removeprefix("Describe").removeprefix("Stop").removeprefix("Update")
        name = request.get(f"{word}Name") or request.get("ClientToken")
        if word == "ModelPackage":
            name = str(name).rpartition("/")[2]
        return getattr(self, operation[: -len(word)].lower())(word, str(name), request)

    def create(self, word: str, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if f"{word}/{name}" in self.things and word != "ModelPackage":
            error = ResourceInUse if word in JOBS else ValidationException
            raise error(f"{word} {name} already exists")
        if f"{word}/{name}" not in self.things:
            self.created.append(f"{word}/{name}")
            told = {f"{word}Name": name, f"{word}Arn": f"arn:{word}/{name}", "CreationTime": self.clock.now()}
            status = {"Endpoint": "Creating"}.get(word, "InProgress")
            kept = {
                key: value for key, value in request.items() if key == "EndpointConfigName" and word == "Endpoint"
            }
            self.things[f"{word}/{name}"] = {**told, f"{word}Status": status, **kept}
        return self.things[f"{word}/{name}"]

    def describe(self, word: str, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if f"{word}/{name}" not in self.things:
            raise ValidationException("Could not find it") if word == "Endpoint" else ResourceNotFound("gone")
        return dict(self.things[f"{word}/{name}"])

    def stop(self, word: str, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        self.stopped.append(name)
        self.things[f"{word}/{name}"][f"{word}Status"] = "Stopping"
        return {}

    def go_on(self) -> None:
        """Everything that runs comes to its end."""
        self.answering.set()
        for thing in self.things.values():
            for word in JOBS:
                status = thing.get(f"{word}Status")
                if status in {"InProgress", "Stopping"}:
                    thing[f"{word}Status"] = {"InProgress": "Completed", "Stopping": "Stopped"}[status]
            if thing.get("EndpointStatus") == "Creating":
                thing["EndpointStatus"] = "InService"


@dataclass
class World:
    """One execution, and the controller that carries it out."""

    folder: Path
    database: Database
    clock: Clock
    calls: Calls
    execution_id: int = 0
    controller: Any = None
    settings: Any = field(default_factory=lambda: SimpleNamespace(cache_contents=False))

    def begin(self, *steps: dict[str, Any], name: str = "abcdefghijkl", **document: Any) -> None:
        text = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": list(steps)})
        with self.database.write() as tx:
            where = {"account": ACCOUNT, "region": REGION, "parent": PIPELINE, "now": self.clock.now()}
            kind, version = "pipeline-version", f"{PIPELINE}/version/1"
            if resources.find_by_arn(tx, version) is None:
                resources.create(tx, kind=kind, name="1", arn=version, document={"definition": text}, **where)
            execution = resources.create(
                tx,
                kind="pipeline-execution",
                name=name,
                arn=f"{PIPELINE}/execution/{name}",
                status="Executing",
                document={
                    "version": 1,
                    "parameters": {},
                    "role": ROLE,
                    "parallelism": None,
                    "selective": None,
                    "attempt": 0,
                    "experiment": {"ExperimentName": "p", "TrialName": name},
                    "pipeline_name": "p",
                    "display_name": "run",
                    **document,
                },
                **where,
            )
        self.execution_id = execution.id
        self.restart()

    def restart(self) -> None:
        """A new controller, as after a crash."""
        if self.controller is not None:
            self.controller.stop()
        storage = OwnStorage(self.database, Blobs(self.folder / "blobs"))
        around: Any = SimpleNamespace(
            database=self.database,
            clock=self.clock,
            calls=self.calls,
            settings=self.settings,
            objects_of=lambda role: RoleObjects(storage, self.database, role, "session", self.clock.now()),
        )
        self.controller = PipelineController(around, lambda resource_id, kind: None)

    @property
    def execution(self) -> Resource:
        with self.database.read() as tx:
            found = resources.find_by_id(tx, self.execution_id)
        assert found is not None
        return found

    @property
    def rows(self) -> dict[str, Resource]:
        around: Any = SimpleNamespace(database=self.database)
        return {row.name: row for row in read_rows(around, self.execution)}

    def look(self) -> float | None:
        found: float | None = self.controller.reconcile(self.execution)
        return found

    def run_to_the_end(self) -> None:
        """Look, and let everything outside go on, until nothing is left to do."""
        for _ in range(200):
            if self.look() is None:
                return
            self.calls.go_on()
            self.answer({"status": "Success", "outputs": {"score": "1"}})
            self.clock.time += timedelta(seconds=1)
            time.sleep(0.002)  # functions are called in threads of their own
        raise AssertionError(f"it does not end: {[(row.name, row.status) for row in self.rows.values()]}")

    def answer(self, answer: dict[str, Any]) -> None:
        """What the API does when a callback is answered."""
        for row in self.rows.values():
            waits = row.document["type"] == "Callback" and row.status in {"Executing", "Stopping"}
            if waits and not row.document.get("callback"):
                with self.database.write() as tx:
                    document = {**row.document, "callback": answer}
                    resources.save(tx, row, document=document, now=self.clock.now())

    def change(self, status: str, **document: Any) -> None:
        row = self.execution
        with self.database.write() as tx:
            resources.save(tx, row, document={**row.document, **document}, status=status, now=self.clock.now())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(tmp_path / "clary.db")
    clock = Clock()
    world = World(tmp_path, database, clock, Calls(clock))
    yield world
    world.calls.answering.set()
    if world.controller is not None:
        world.controller.stop()
    database.close()
