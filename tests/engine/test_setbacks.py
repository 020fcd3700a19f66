"""Replicas of an endpoint that serves, and that cannot be started again: pauses grow, and the log says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from clary.engine.endpoints import EndpointController
from clary.engine.routes import RouteWriter
from clary.engine.surroundings import Surroundings
from clary.runtimes.environments import Environments
from clary.runtimes.errors import EnvironmentBuildError
from clary.store import resources
from clary.store.resources import Resource
from tests.engine.running import VARIANT, make
from tests.engine.test_first_use import GROUP, lines_of

SERVING = {"generation": 1, "config": "c", "variants": [VARIANT]}


class SetClock:
    seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


class Way:
    """To the environment: barred for a reason, until there is none."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.reason = "no network"

    def __call__(self, _image: str, asker: str, _sdk: str | None = None) -> Any:
        self.tried.append(asker)
        raise EnvironmentBuildError(self.reason)


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch, warm: None) -> Way:
    made = Way()
    monkeypatch.setattr(Environments, "obtain", made)
    return made


def look(around: Surroundings, controller: EndpointController, row: Resource) -> float | None:
    with around.database.read() as tx:
        found = resources.find_by_id(tx, row.id)
    assert found is not None
    return controller.reconcile(found)


def test_pauses_grow_to_a_minute_and_each_new_reason_is_told(around: Surroundings, way: Way) -> None:
    clock = SetClock()
    around = replace(around, clock=clock)
    controller = EndpointController(around, RouteWriter(around))
    row = make(around, "endpoint", "InService", {"target": SERVING, "active": SERVING, "config": "c", "fleet": []})
    tried_at = []
    for second in range(200):
        clock.seconds = 1000.0 + second
        before = len(way.tried)
        assert look(around, controller, row) == 1.0, "and what else serves is looked at as always"
        if len(way.tried) > before:
            tried_at.append(second)
        way.reason = "no network" if second < 100 else "no room"
    assert tried_at == [0, 5, 15, 35, 75, 135, 195]
    said = "clary: could not start, and will be tried again: InternalServerError: "
    assert lines_of(around, GROUP) == [f"{said}no network", f"{said}no room"]
    assert set(way.tried) == {f"e{row.id}-g1-all-0-a1"}


def test_a_replica_that_is_not_wanted_any_more_leaves_nothing(around: Surroundings, way: Way) -> None:
    controller = EndpointController(around, RouteWriter(around))
    row = make(around, "endpoint", "InService", {"target": SERVING, "active": SERVING, "config": "c", "fleet": []})
    look(around, controller, row)
    (unit,) = way.tried
    assert controller._setbacks.waits(unit)
    with around.database.write() as tx:
        found = resources.find_by_id(tx, row.id)
        assert found is not None
        resources.save(tx, found, document=found.document, status="Deleting", now=around.clock.now())
    assert look(around, controller, row) is None
    assert not controller._setbacks.waits(unit)
