"""A server starts its shims from a copy, which an update of the package leaves alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clary.runtimes import shim_copy
from clary.runtimes.collecting import collect, find_environments
from clary.runtimes.port import Phase
from clary.runtimes.process import SHIM
from clary.runtimes.shim_copy import place_shim
from tests.runtimes.conftest import MakeMachine


def test_it_is_made_once_with_its_bytecode(tmp_path: Path) -> None:
    path = place_shim(tmp_path)
    assert (path / "life.py").read_bytes() == (SHIM / "life.py").read_bytes()
    assert {file.name.partition(".")[0] for file in path.glob("__pycache__/*.pyc")} == {
        file.stem for file in SHIM.glob("*.py")
    }
    (path / "seen").touch()
    assert place_shim(tmp_path) == path
    assert (path / "seen").exists()
    assert [found.label for found in find_environments(tmp_path)] == ["shim"]


def test_an_update_is_another_folder_and_half_a_copy_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = place_shim(tmp_path)
    updated = tmp_path / "package" / "shim"
    shutil.copytree(SHIM, updated)
    (updated / "added.py").touch()
    monkeypatch.setattr(shim_copy, "SHIM", updated)
    second = place_shim(tmp_path)
    assert (second / "added.py").exists()
    assert not (first / "added.py").exists()
    (second.parent / ".ready").unlink()
    (second / "added.py").unlink()
    assert (place_shim(tmp_path) / "added.py").exists()


def test_units_begin_with_it(make_machine: MakeMachine, tmp_path: Path) -> None:
    path = place_shim(tmp_path / "shared")
    machine = make_machine("plain", shim=path)
    machine.launch("u", "import time; time.sleep(60)")
    machine.wait("u", Phase.RUNNING)
    pid = machine.pid_of_shim("u")
    assert str(path).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


HOLDER = """
import sys
from pathlib import Path
from clary.runtimes.shim_copy import place_shim
print(place_shim(Path(sys.argv[1])), flush=True)
input()
"""


def test_it_is_not_collected_while_a_server_has_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        path = Path(server.stdout.readline().strip()).parent
        os.utime(path / ".used", (0, 0))
        assert list(collect(tmp_path, timedelta(days=30), datetime.now(UTC))) == []
        server.communicate("\n")
    assert [found.path for found in collect(tmp_path, timedelta(days=30), datetime.now(UTC))] == [path]


def test_where_no_copy_can_be_made_it_is_the_packages_own(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert place_shim(tmp_path / "file") == SHIM
