"""What a door tells of invocations: everything, once, whatever the moment at which it ends."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from clary.base.invocation_reports import Latencies, Report, read_reports, write_reports
from clary.door import reporting
from clary.door.reporting import Reporting
from clary.serving.forwarder import Forwarder
from tests.server import eventually

SECONDS = 30.0


class Invoked(Forwarder):
    """Nobody is invoked; the test says what was."""

    def __init__(self, *endpoints: str) -> None:
        self.endpoints = list(endpoints)

    def take_reports(self, at: int) -> list[Report]:
        taken, self.endpoints = self.endpoints, []
        none = Latencies(0, 0.0, 0.0, 0.0, {})
        return [Report("1", "r", name, "v", at, 1, 1, 0, 0, 0, none, none) for name in taken]


def told(folder: Path) -> list[str]:
    return sorted(report.endpoint for path in folder.glob("*.json") for report in read_reports(path))


@pytest.mark.parametrize("fails", [False, True])
def test_a_door_that_ends_while_it_writes_tells_everything_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def write(path: Path, reports: list[Report]) -> None:
        if not begun.is_set():
            begun.set()
            assert go_on.wait(SECONDS)
            if fails:
                raise OSError("no space")
        write_reports(path, reports)

    monkeypatch.setattr(reporting, "_SECONDS", 0.001)
    monkeypatch.setattr(reporting, "write_reports", write)
    forwarder = Invoked("first")
    made = Reporting(tmp_path / "reports", forwarder)

    async def live() -> None:
        task = asyncio.create_task(made.run())
        assert await asyncio.to_thread(begun.wait, SECONDS)
        task.cancel()
        forwarder.endpoints.append("second")
        threading.Timer(0.05, go_on.set).start()
        made.finish()

    asyncio.run(live())
    assert told(tmp_path / "reports") == ["first", "second"]
    assert made.finish() is None
    assert told(tmp_path / "reports") == ["first", "second"]


def test_no_further_file_while_control_has_not_taken_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "_SECONDS", 0.001)
    forwarder = Invoked("first")
    made = Reporting(tmp_path, forwarder)

    async def live() -> None:
        task = asyncio.create_task(made.run())
        (file,) = await asyncio.to_thread(eventually, lambda: list(tmp_path.glob("*.json")))
        forwarder.endpoints += ["second"]
        await asyncio.to_thread(eventually, lambda: not forwarder.endpoints)
        assert told(tmp_path) == ["first"]
        file.unlink()
        await asyncio.to_thread(eventually, lambda: told(tmp_path) == ["second"])
        task.cancel()

    asyncio.run(live())
