"""The volume of a unit: what it writes is counted, what was placed for it is not, and idling costs nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from clary.runtimes.diagnosis import failure_reason
from clary.runtimes.port import Limits, Phase
from clary.runtimes.shim import volume
from clary.runtimes.shim.volume import Tree, Volume
from tests.runtimes.conftest import Machine, MakeMachine

MIB = 1 << 20
LIMITS = Limits(volume_bytes=4 * MIB, grace_seconds=5)
WRITE = """
import os, time
base = {"opt": os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "tmp": os.environ["TMPDIR"]}[PLACE]
os.makedirs(base + "/model", exist_ok=True)
with open(base + "/model/big", "wb") as file:
    file.write(os.urandom(MEBIBYTES << 20))
print("written", flush=True)
time.sleep(SECONDS)
"""


def write(place: str, mebibytes: int, seconds: float) -> str:
    return f"PLACE, MEBIBYTES, SECONDS = {place!r}, {mebibytes}, {seconds}\n{WRITE}"


def test_a_unit_that_writes_too_much_is_ended(machine: Machine) -> None:
    machine.launch("u", write("opt", 6, 60), LIMITS)
    state = machine.wait("u")
    assert state.out_of_space
    assert (state.exit_code, state.out_of_memory, state.stopped_by) == (137, False, None)
    reason = failure_reason(state, machine.lines("u"))
    assert reason.startswith("ClientError: No space left on device: the job wrote more than VolumeSizeInGB allows")
    assert any("No space left on device" in line and "of 4194304 bytes" in line for line in machine.lines("u"))


def test_the_temporary_folder_counts_too(machine: Machine) -> None:
    machine.launch("u", write("tmp", 6, 60), LIMITS)
    assert machine.wait("u").out_of_space


def test_what_was_staged_and_what_fits_does_no_harm(make_machine: MakeMachine) -> None:
    machine = make_machine()
    inputs = machine.runtime.unit_folder("u") / "opt-ml" / "input" / "data"
    inputs.mkdir(parents=True)
    (inputs / "large").write_bytes(os.urandom(8 * MIB))
    machine.launch("u", write("opt", 2, 1.5), LIMITS, staged=[inputs])
    state = machine.wait("u")
    assert (state.exit_code, state.out_of_space) == (0, False)


# -- measuring -----------------------------------------------------------------------------------------------------


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "POLL_VOLUME", 0.0)
    monkeypatch.setattr(volume, "VOLUME_SHARE", 0)


def measured(volume: Volume) -> int:
    """Once every tree has been measured whole."""
    for _ in range(50):
        volume.measure()
        for tree in volume.trees:
            tree.due = 0.0 if tree is volume.trees[_ % len(volume.trees)] else time.monotonic() + 60
    return volume.used


def fill(path: Path, size: int = MIB) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


@pytest.mark.usefixtures("slices")
def test_growth_of_what_was_staged_counts(tmp_path: Path) -> None:
    staged = tmp_path / "opt-ml" / "input"
    fill(staged / "a" / "1", 3 * MIB)
    volume = Volume([str(tmp_path / "opt-ml"), str(tmp_path / "tmp")], [str(staged)])
    assert measured(volume) == 0
    fill(staged / "a" / "2")
    assert measured(volume) == MIB
    fill(tmp_path / "tmp" / "x")
    assert measured(volume) == 2 * MIB
    (staged / "a" / "1").unlink()
    assert measured(volume) == MIB, "inputs that a job deletes are no credit"


@pytest.mark.usefixtures("slices")
def test_links_and_holes_are_not_counted_twice(tmp_path: Path) -> None:
    first = fill(tmp_path / "one")
    for number in range(3):
        (tmp_path / f"hard{number}").hardlink_to(first)
        (tmp_path / f"soft{number}").symlink_to(first)
    (tmp_path / "loop").symlink_to(tmp_path)
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(100 * MIB)
    assert measured(Volume([str(tmp_path)], [])) == MIB


def test_large_trees_are_walked_in_slices_and_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "VOLUME_SLICE", 10)
    for number in range(100):
        fill(tmp_path / f"d{number % 10}" / str(number), 1)
    tree = Tree(str(tmp_path), set(), counts_from_zero=True)
    tree.measure(time.monotonic())
    assert tree.rest, "there is more to walk"
    assert tree.grown == 0
    turns = 1
    while tree.rest:
        tree.measure(time.monotonic())
        turns += 1
    assert turns >= 10
    assert tree.grown >= 100 * 512
    assert tree.due - time.monotonic() > 0.9
    tree.cost = 0.5
    tree.rest = [str(tmp_path / "d0")]
    tree.measure(time.monotonic())
    assert tree.due - time.monotonic() > 40, (
        "half a second of walking allows the next one only after most of a minute"
    )


def test_an_idle_unit_costs_next_to_nothing(make_machine: MakeMachine) -> None:
    machine = make_machine()
    machine.launch("u", "import time; time.sleep(60)", Limits(volume_bytes=1 << 30, grace_seconds=1))
    machine.wait("u", Phase.RUNNING)
    clock = os.sysconf("SC_CLK_TCK")

    def used() -> float:
        fields = Path(f"/proc/{machine.pid_of_shim('u')}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / clock

    before = used()
    time.sleep(1.5)
    assert used() - before <= 0.05
    machine.runtime.stop("u")
    machine.wait("u")
