"""Collecting environments: what is used or was just used stays, whoever uses it; the rest goes and can come again."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import venv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clary.runtimes import collecting
from clary.runtimes.collecting import Found, collect, find_environments
from clary.runtimes.port import Phase
from tests.runtimes.conftest import MakeMachine, wait_until

DAY = timedelta(days=1)
NOW = datetime.now(UTC)


def make(folder: Path, label: str, age: timedelta, *, ready: bool = True) -> Path:
    name = f"{label}-{'0f' * 16}"
    path = folder / name
    (path / "lib").mkdir(parents=True)
    (path / "lib" / "code.py").write_text("x" * 10_000)
    (folder / f"{name}.lock").touch()
    if ready:
        (path / ".ready").write_text(f'{{"framework": "{label} 1.0"}}')
    use(path, age)
    return path


def use(path: Path, age: timedelta) -> None:
    (path / ".used").touch()
    when = (NOW - age).timestamp()
    os.utime(path / ".used", (when, when))


def label(found: Found) -> str:
    return found.path.name.rpartition("-")[0]


def labels(folder: Path) -> list[str]:
    return [label(found) for found in find_environments(folder)]


def test_what_is_listed(tmp_path: Path) -> None:
    assert find_environments(tmp_path / "none") == []
    make(tmp_path, "old", 40 * DAY)
    make(tmp_path, "new", DAY)
    make(tmp_path, "broken-off", 2 * DAY, ready=False)
    new, broken, old = find_environments(tmp_path)
    assert [(label(one), one.label, one.in_use) for one in (new, broken, old)] == [
        ("new", "new 1.0", False),
        ("broken-off", "", False),
        ("old", "old 1.0", False),
    ]
    assert NOW - old.used_at == pytest.approx(40 * DAY, abs=timedelta(seconds=1))
    assert 8_000 < sum(old.sizes().values()) < 100_000


def test_only_what_was_not_used_for_long_goes(tmp_path: Path) -> None:
    make(tmp_path, "old", 40 * DAY)
    make(tmp_path, "half", 40 * DAY, ready=False)
    make(tmp_path, "new", 29 * DAY)
    assert sorted(label(found) for found in collect(tmp_path, 30 * DAY, NOW)) == ["half", "old"]
    assert labels(tmp_path) == ["new"]
    assert list(tmp_path.glob("old-*.lock")), "somebody may be waiting for it"


def test_what_was_just_used_stays_whatever_is_asked(tmp_path: Path) -> None:
    make(tmp_path, "minutes", timedelta(minutes=30))
    make(tmp_path, "hours", timedelta(hours=2))
    assert [label(found) for found in collect(tmp_path, timedelta(0), NOW)] == ["hours"]


def test_what_is_being_built_stays(tmp_path: Path) -> None:
    path = make(tmp_path, "built", 40 * DAY, ready=False)
    with path.with_name(f"{path.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert list(collect(tmp_path, DAY, NOW)) == []
    assert len(list(collect(tmp_path, DAY, NOW))) == 1


def test_whoever_prepares_it_at_this_moment_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was ready when they looked: then they have stamped it before it stopped being so, and that is seen."""
    path = make(tmp_path, "old", 40 * DAY)
    real = collecting._used_at
    asked = 0

    def stamped_before_the_second_look(of: Path) -> datetime:
        nonlocal asked
        asked += 1
        if asked == 2:
            assert not (path / ".ready").exists()
            use(path, timedelta(0))
        return real(of)

    monkeypatch.setattr(collecting, "_used_at", stamped_before_the_second_look)
    assert list(collect(tmp_path, DAY, NOW)) == []
    assert find_environments(tmp_path)[0].label == "old 1.0"


POINTS = ("environments.after_trash",)
COLLECTOR = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from clary.runtimes.collecting import collect
list(collect(Path(sys.argv[1]), timedelta(days=1), datetime.now(UTC)))
"""


def test_a_collection_that_was_cut_off_is_completed_by_the_next(tmp_path: Path) -> None:
    make(tmp_path, "old", 40 * DAY)
    command = [sys.executable, "-c", COLLECTOR, str(tmp_path)]
    died = subprocess.run(command, env={**os.environ, "CLARY_CRASH_AT": POINTS[0]}, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert find_environments(tmp_path) == [], "half an environment looks like none"
    assert list(collect(tmp_path, DAY, NOW)) == []
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_what_an_earlier_collection_left_goes_and_nothing_of_others(tmp_path: Path) -> None:
    (tmp_path / ".collected-x" / "lib").mkdir(parents=True)
    for foreign in ("documents", "scikit-learn-1.7", f"file-{'0f' * 16}"):
        (tmp_path / foreign).touch() if "file" in foreign else (tmp_path / foreign).mkdir()
        os.utime(tmp_path / foreign, (0, 0))
    assert list(collect(tmp_path, DAY, NOW)) == []
    assert len(list(tmp_path.iterdir())) == 3, "what is not Clary's stays"


def test_two_collections_at_once_take_an_environment_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second takes what the first has just laid aside for what is left of an earlier one."""
    make(tmp_path, "old", 40 * DAY)

    def meanwhile(_name: str) -> None:
        assert list(collect(tmp_path, DAY, NOW)) == []

    monkeypatch.setattr(collecting, "crash_here", meanwhile)
    assert [label(found) for found in collect(tmp_path, DAY, NOW)] == ["old"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_what_a_server_takes_away_meanwhile_does_not_end_a_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "old", 40 * DAY)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "going.json").touch()
    real = Path.lstat

    def gone(path: Path) -> os.stat_result:
        if path.name == "going.json":
            path.unlink()
        return real(path)

    monkeypatch.setattr(Path, "lstat", gone)
    assert [label(found) for found in collect(tmp_path, DAY, NOW)] == ["old"]


def test_a_running_unit_keeps_its_environment(make_machine: MakeMachine, tmp_path: Path) -> None:
    """Also without the Clary that started it: the lock is the shim's."""
    machine = make_machine()
    folder = tmp_path / "environments"
    machine.environment = folder / f"small-{'0f' * 16}"
    venv.create(machine.environment, with_pip=False, symlinks=True)
    use(machine.environment, 40 * DAY)
    machine.launch("u", "import time; print('up', flush=True); time.sleep(600)")
    machine.wait("u", Phase.RUNNING)
    assert [found.in_use for found in find_environments(folder)] == [True]
    assert list(collect(folder, DAY, NOW)) == []
    machine.runtime.stop("u")
    machine.wait("u")
    wait_until(lambda: not find_environments(folder)[0].in_use)
    assert len(list(collect(folder, DAY, NOW))) == 1
    assert find_environments(folder) == []
