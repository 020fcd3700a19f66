"""How many of a machine's GPUs a unit is shown."""

from __future__ import annotations

from pathlib import Path

from clary.runtimes.instances import GIB, Machine, count_gpus, grant
from clary.runtimes.process import pick_gpus

WORKSTATION = Machine(cpus=64, memory_bytes=512 * GIB, gpus=4)


def test_the_type_says_how_many() -> None:
    assert grant("ml.m5.large", WORKSTATION).limits.gpus == 0
    assert grant("ml.g5.xlarge", WORKSTATION).limits.gpus == 1
    assert grant("ml.g5.48xlarge", WORKSTATION).limits.gpus == 4


def test_which_ones_are_shown() -> None:
    assert pick_gpus("u", 0, 4) == "", "none: the libraries find no device"
    assert pick_gpus("u", 2, 4) == "1,2"
    assert pick_gpus("w", 2, 4) == "3,0"
    assert {pick_gpus(name, 1, 4) for name in "abcd"} == {"0", "1", "2", "3"}


def test_nothing_is_said_where_all_or_none_are_there() -> None:
    assert pick_gpus("u", 4, 4) is None
    assert pick_gpus("u", 0, 0) is None
    assert pick_gpus("u", None, 4) is None


def test_devices_are_counted(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert count_gpus(tmp_path) == 2
