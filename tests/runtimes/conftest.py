"""A machine to run units on, in each way of isolation that works here."""

from __future__ import annotations

import json
import os
import signal
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clary.base.errors import ConfigurationError
from clary.base.layout import Layout
from clary.runtimes.isolation import Isolation, choose_isolation
from clary.runtimes.port import Limits, Phase, UnitSpec, UnitState
from clary.runtimes.process import ProcessRuntime

WAYS = ("bwrap", "namespace", "plain")


class Machine:
    """A ProcessRuntime with what tests need around it."""

    def __init__(self, folder: Path, environment: Path, isolation: Isolation, **options: object) -> None:
        self.layout = Layout(folder)
        self.layout.create()
        self.environment = environment
        self.isolation = isolation
        self.options = {"visible": (), "variables": {}, **options}
        self.runtime = self.another()

    def another(self) -> ProcessRuntime:
        """What a Clary that was started later would use."""
        return ProcessRuntime(self.layout, self.isolation, **self.options)  # type: ignore[arg-type] # passed through

    def spec(self, unit: str, code: str, limits: Limits | None = None, **changes: object) -> UnitSpec:
        opt_ml = self.runtime.unit_folder(unit) / "opt-ml"
        opt_ml.mkdir(parents=True, exist_ok=True)
        values = {
            "argv": ["python", "-c", code],
            "variables": {},
            "limits": limits or Limits(grace_seconds=5),
            **changes,
        }
        return UnitSpec(unit_id=unit, environment=self.environment, opt_ml=opt_ml, **values)  # type: ignore[arg-type]

    def launch(self, unit: str, code: str, limits: Limits | None = None, **changes: object) -> None:
        self.runtime.launch(self.spec(unit, code, limits, **changes))

    def wait(self, unit: str, *phases: Phase, seconds: float = 20) -> UnitState:
        wanted = phases or (Phase.EXITED, Phase.LOST)
        until = time.monotonic() + seconds
        while True:
            state = self.runtime.observe(unit)
            if state is not None and state.phase in wanted:
                return state
            assert time.monotonic() < until, f"{unit} is {state}; log: {self.lines(unit)}"
            time.sleep(0.005)

    def lines(self, unit: str) -> list[str]:
        return [line.text for line in self.runtime.read_log(unit, 0)]

    def wait_for_line(self, unit: str, text: str, seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        while text not in self.lines(unit):
            assert time.monotonic() < until, self.lines(unit)
            time.sleep(0.005)

    def record(self, unit: str, name: str) -> dict[str, int]:
        found: dict[str, int] = json.loads((self.runtime.unit_folder(unit) / name).read_bytes())
        return found

    def pid_of_shim(self, unit: str) -> int:
        return self.record(unit, "shim.json")["pid"]

    def pid_of_process(self, unit: str) -> int:
        self.wait(unit, Phase.RUNNING)
        return self.record(unit, "running.json")["pid"]

    def close(self) -> None:
        for unit in self.runtime.list_units():
            self.runtime.remove(unit)
        for leftover in self.layout.sockets.iterdir():
            leftover.unlink()
        self.layout.sockets.rmdir()


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.005)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def isolation_or_skip(way: str) -> Isolation:
    try:
        return choose_isolation(way)
    except ConfigurationError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment of this Python."""
    folder = tmp_path_factory.mktemp("environment") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    return folder


MakeMachine = Callable[..., Machine]


@pytest.fixture
def make_machine(tmp_path: Path, environment: Path) -> Iterator[MakeMachine]:
    made: list[Machine] = []

    def make(way: str = "plain", **options: object) -> Machine:
        machine = Machine(tmp_path / f"data{len(made)}", environment, isolation_or_skip(way), **options)
        made.append(machine)
        return machine

    yield make
    for machine in made:
        machine.close()


@pytest.fixture(params=WAYS)
def machine(request: pytest.FixtureRequest, make_machine: MakeMachine) -> Machine:
    """One in each way of isolation."""
    return make_machine(request.param)
