"""The pool of builds: one per folder for all who ask, and a failure is told once to each of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.runtimes.builds import Builds
from tests.server import eventually

A, B = Path("/a"), Path("/b")
PATIENCE = 30.0


class Work:
    """A build that begins, waits until it may go on, and ends as the test says."""

    def __init__(self, outcome: Exception | bool = True) -> None:
        self.begun = 0
        self.outcome = outcome
        self.go_on = threading.Event()

    def __call__(self) -> bool:
        self.begun += 1
        assert self.go_on.wait(PATIENCE)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Told:
    """Who was told that there is news."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str) -> None:
        self.names.append(name)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def builds(told: Told) -> Iterator[Builds]:
    made = Builds()
    made.listen(told)
    yield made
    made.close(lambda: None)


def test_all_who_ask_share_one_build(builds: Builds, told: Told) -> None:
    work = Work()
    for asker in ("one", "two", "one"):
        builds.ask(A, asker, work)
    work.go_on.set()
    eventually(lambda: sorted(told.names) == ["one", "two"])
    assert work.begun == 1


def test_a_failure_is_told_once_to_each_who_waited(builds: Builds, told: Told) -> None:
    work = Work(OSError("no space"))
    builds.ask(A, "one", work)
    builds.ask(A, "two", work)
    work.go_on.set()
    eventually(lambda: sorted(told.names) == ["one", "two"])
    with pytest.raises(OSError, match="no space"):
        builds.ask(A, "one", work)
    again = Work()
    builds.ask(A, "three", again)  # who waited for nothing begins anew
    eventually(lambda: again.begun)
    with pytest.raises(OSError, match="no space"):
        builds.ask(A, "two", again)
    for asker in ("one", "two"):
        builds.ask(A, asker, again)
    again.go_on.set()
    eventually(lambda: sorted(told.names[2:]) == ["one", "three", "two"])
    assert (work.begun, again.begun) == (1, 1)


def test_folders_are_built_side_by_side(builds: Builds, told: Told) -> None:
    first, second = Work(), Work()
    builds.ask(A, "one", first)
    builds.ask(B, "one", second)
    eventually(lambda: first.begun and second.begun)
    second.go_on.set()
    eventually(lambda: told.names == ["one"])
    first.go_on.set()
    eventually(lambda: told.names == ["one", "one"])


def test_whose_turn_it_was_not_is_tried_at_the_next_question(builds: Builds, told: Told) -> None:
    work = Work(outcome=False)
    work.go_on.set()

    def asked_again() -> bool:
        builds.ask(A, "one", work)
        return work.begun >= 3

    eventually(asked_again)
    assert told.names == [], "there is no news"


def test_failures_of_those_who_never_come_again_are_few(
    builds: Builds, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clary.runtimes.builds._MOST_FAILURES", 1)
    for number, path in enumerate((A, B)):
        work = Work(OSError(str(path)))
        work.go_on.set()
        builds.ask(path, "one", work)
        eventually(lambda expected=number + 1: len(told.names) == expected)
    with pytest.raises(OSError, match="/b"):
        builds.ask(B, "one", Work())
    again = Work(outcome=False)
    again.go_on.set()
    builds.ask(A, "one", again)


def test_at_the_end_nobody_is_told_and_nothing_begins(told: Told) -> None:
    builds = Builds(workers=1)
    builds.listen(told)
    work, waiting, late = Work(OSError("killed")), Work(), Work()
    builds.ask(A, "one", work)
    eventually(lambda: work.begun)
    builds.ask(B, "two", waiting)
    builds.close(work.go_on.set)
    for asker, path in (("one", A), ("two", B)):
        builds.ask(path, asker, late)
    assert (told.names, waiting.begun, late.begun) == ([], 0, 0)
