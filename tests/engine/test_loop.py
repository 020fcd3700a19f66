"""The loop: who is looked at when, by one thread at a time, and that no wake-up is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clary.base.clock import SystemClock
from clary.engine.loop import Loop
from clary.store import resources, work
from clary.store.database import Database
from clary.store.resources import Resource
from tests.server import eventually

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Scripted:
    """A controller that does what the test says."""

    def __init__(self, kind: str, act: Callable[[Resource], float | None]) -> None:
        self.kind = kind
        self.seen: list[int] = []
        self.given_up: list[str] = []
        self._act = act

    def reconcile(self, resource: Resource) -> float | None:
        self.seen.append(resource.revision)
        return self._act(resource)

    def give_up(self, resource: Resource) -> None:
        self.given_up.append(resource.name)

    def owns(self, unit_id: str) -> int | None:
        return int(unit_id) if unit_id.isdigit() else None


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


@contextmanager
def running(database: Database, *controllers: Scripted, workers: int = 2) -> Iterator[Loop]:
    loop = Loop(database, controllers, SystemClock(), workers)
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()


def make(database: Database, name: str, kind: str = "thing") -> Resource:
    with database.write() as tx:
        made = resources.create(
            tx, account="1", region="r", kind=kind, name=name, arn=f"arn:{name}", document={}, now=NOW
        )
        work.enqueue(tx, made, NOW)
    return made


def at_rest(database: Database, resource: Resource) -> bool:
    with database.read() as tx:
        return work.find(tx, resource.id) is None


def test_what_was_not_at_rest_is_looked_at_after_a_start(database: Database) -> None:
    row = make(database, "a")
    controller = Scripted("thing", lambda _row: None)
    with running(database, controller):
        eventually(lambda: at_rest(database, row))
    assert controller.seen == [1]


def test_a_look_is_repeated_after_the_seconds_it_asked_for(database: Database) -> None:
    looks = iter([0.05, 0.05, None])
    controller = Scripted("thing", lambda _row: next(looks))
    with running(database, controller):
        row = make(database, "a")
        eventually(lambda: at_rest(database, row))
    assert len(controller.seen) == 3


def test_a_change_during_a_look_is_followed_by_another_look(database: Database) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def act(row: Resource) -> float | None:
        if row.revision == 1:
            looking.set()
            go_on.wait(10)
        return None

    controller = Scripted("thing", act)
    with running(database, controller):
        row = make(database, "a")
        assert looking.wait(10)
        with database.write() as tx:
            changed = resources.save(tx, row, document={"x": 1}, now=NOW)
            work.enqueue(tx, changed, NOW)
        go_on.set()
        eventually(lambda: at_rest(database, row))
    assert controller.seen == [1, 2]


def test_one_resource_is_never_looked_at_by_two_threads(database: Database) -> None:
    inside = 0
    most = 0
    lock = threading.Lock()

    def act(row: Resource) -> float | None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.01)
        with lock:
            inside -= 1
        return None if row.document.get("end") else 0.0

    controller = Scripted("thing", act)
    with running(database, controller, workers=8) as loop:
        row = make(database, "a")
        for _ in range(50):
            loop.wake(row.id, "thing")
            time.sleep(0.002)
        with database.write() as tx:
            current = resources.find_by_id(tx, row.id)
            assert current is not None
            resources.save(tx, current, document={"end": True}, now=NOW)
        eventually(lambda: at_rest(database, row))
    assert most == 1
    assert len(controller.seen) > 5


def test_an_error_is_tried_again_and_does_not_stop_others(database: Database) -> None:
    failures = iter([True, True])

    def act(row: Resource) -> float | None:
        if row.name == "bad" and next(failures, False):
            raise RuntimeError("asked to fail")
        return None

    controller = Scripted("thing", act)
    with running(database, controller):
        bad, good = make(database, "bad"), make(database, "good")
        eventually(lambda: at_rest(database, good))
        eventually(lambda: at_rest(database, bad))


def test_a_kind_that_is_busy_does_not_keep_others_waiting(database: Database) -> None:
    go_on = threading.Event()

    def wait(_row: Resource) -> float | None:
        go_on.wait(20)
        return None

    slow = Scripted("slow", wait)
    quick = Scripted("quick", lambda _row: None)
    try:
        with running(database, slow, quick, workers=1):
            for number in range(3):
                make(database, f"s{number}", "slow")
            row = make(database, "q", "quick")
            eventually(lambda: at_rest(database, row), 15)
            go_on.set()
    finally:
        go_on.set()


def test_units_wake_their_resource(database: Database) -> None:
    woken = threading.Event()

    def act(row: Resource) -> float | None:
        if woken.is_set():
            return None
        return 3600.0

    controller = Scripted("thing", act)
    with running(database, controller) as loop:
        row = make(database, "a")
        eventually(lambda: controller.seen)
        woken.set()
        loop.wake_unit(str(row.id))
        eventually(lambda: at_rest(database, row))
