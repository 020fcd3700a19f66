"""A real database, a clock that stands still until it is moved, and a record of the calls that are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clary.base.settings import Settings
from clary.engine.events.deliverer import Deliverer
from clary.engine.events.dispatcher import Dispatcher
from clary.engine.events.targets.target import Tools
from clary.engine.own_calls import Actor
from clary.store import deliveries, outbox, resources
from clary.store.database import Database
from clary.store.deliveries import Delivery
from clary.store.resources import Resource

ACCOUNT, REGION = "111122223333", "us-east-1"
BEGIN = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"
DEAD = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"


class Clock:
    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - BEGIN).total_seconds()

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Calls:
    """Implements `OwnCalls`; `behave` may raise, wait or answer for an operation."""

    made: list[tuple[str, dict[str, Any], Actor]] = field(default_factory=list)
    behave: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = field(default_factory=dict)

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        self.made.append((f"{service}:{operation}", dict(parameters), actor))
        behave = self.behave.get(operation)
        return behave(parameters) if behave else {}

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters, _ in self.made if name == operation]


@dataclass
class World:
    """Everything a test needs; stands in for the surroundings of controllers too."""

    database: Database
    clock: Clock
    calls: Calls
    settings: Settings = field(default_factory=Settings)

    @property
    def tools(self) -> Tools:
        return Tools(self.database, self.calls, self.settings, self.clock)

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.database, self.clock)

    def deliverer(self) -> Deliverer:
        return Deliverer(self.tools)

    def rule(
        self, name: str, *targets: dict[str, Any], pattern: Any = None, expression: str | None = None
    ) -> Resource:
        document = {
            "pattern": json.dumps(pattern) if pattern else None,
            "expression": expression,
            "state": "ENABLED",
            "targets": list(targets),
            "next": None,
        }
        return self.add(
            "event-rule", name, document, arn=f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}", parent="default"
        )

    def add(
        self, kind: str, name: str, document: dict[str, Any], *, arn: str = "", parent: str = "", status: str = ""
    ) -> Resource:
        with self.database.write() as tx:
            return resources.create(
                tx,
                account=ACCOUNT,
                region=REGION,
                kind=kind,
                name=name,
                arn=arn or f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}",
                parent=parent,
                status=status,
                document=document,
                now=self.clock.now(),
            )

    def happen(self, source: str = "my.app", detail: Any = None, *, hops: int = 0, event_id: str = "1") -> None:
        event = {"source": source, "detail-type": "t", "detail": detail or {}, "resources": [], "id": event_id}
        event["time"] = "2026-01-01T12:00:00Z"
        with self.database.write() as tx:
            document = {"bus": "default", "event": event, "hops": hops}
            outbox.add(tx, account=ACCOUNT, region=REGION, topic="event", document=document, at=self.clock.now())

    def send(self, target: str = QUEUE, body: str = "{}", **changes: Any) -> Delivery:
        with self.database.write() as tx:
            deliveries.add(
                tx, account=ACCOUNT, region=REGION, target=target, body=body, now=self.clock.now(), **changes
            )
        return self.waiting()[-1]

    def waiting(self) -> list[Delivery]:
        with self.database.read() as tx:
            return deliveries.due(tx, self.clock.now() + timedelta(days=10_000), 1000)

    def untold(self) -> int:
        with self.database.read() as tx:
            return len(outbox.first(tx, 1000))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(tmp_path / "clary.db")
    yield World(database, Clock(), Calls())
    database.close()
