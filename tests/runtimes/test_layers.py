"""Layers of packages: made aside by a real uv from wheels made here, used by real thin environments. No network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from clary.runtimes import overlay, shared_folders
from clary.runtimes.collecting import collect, find_environments
from clary.runtimes.layers import Layer, Layers, sources
from tests.server import eventually
from tests.toolkit.running import wheel

NOW = datetime(2026, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)
POINTS = ("layers.after_install",)


class Later:
    """A clock that is moved by hand."""

    time = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has clary-a 1.0."""
    folder = tmp_path_factory.mktemp("made")
    uv = [sys.executable, "-m", "uv"]
    made = folder / "environment"
    subprocess.run([*uv, "venv", "--python", sys.executable, str(made)], check=True, capture_output=True)
    install = [*uv, "pip", "install", "--python", str(made / "bin" / "python"), "--no-index", "--find-links"]
    wheel(folder, "clary-a", "VERSION = 1")
    subprocess.run([*install, str(folder), "clary-a"], check=True, capture_output=True)
    return made


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip is told to look."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "clary-a", "VERSION = 1", "1.0")
    wheel(folder, "clary-a", "VERSION = 2", "2.0")
    wheel(
        folder, "clary-b", "import clary_a\nSEEN = clary_a.VERSION\ndef main(): print('saw', SEEN)", "1.0", "clary-a"
    )
    set_sources(monkeypatch, folder)
    return folder


def set_sources(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


@pytest.fixture
def make_layers(tmp_path: Path) -> Iterator[Callable[[], Layers]]:
    made: list[Layers] = []

    def make() -> Layers:
        made.append(Layers(tmp_path / "environments", clock))
        return made[-1]

    clock = Later()
    yield make
    for layers in made:
        layers.close()


def made(layers: Layers, environment: Path, lines: str) -> Layer:
    return eventually(lambda: layers.find(environment, lines), 90)


def run_on(layer: Layer, environment: Path, target: Path, *command: str) -> list[str]:
    interpreter = overlay.read_interpreter(environment)
    overlay.make_overlay(target, interpreter, layer.path)
    variables = {"PATH": f"{target / 'bin'}:/usr/bin:/bin"}
    result = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, cwd="/")
    return result.stdout.splitlines()


def test_the_second_who_asks_finds_it(
    make_layers: Callable[[], Layers], environment: Path, wheels: Path, tmp_path: Path
) -> None:
    layers = make_layers()
    assert layers.find(environment, "clary-b\n") is None
    layer = made(layers, environment, "clary-b\n")
    assert layer.path is not None
    assert (layer.packages, layer.asked_at) == (("clary-b==1.0",), NOW)
    packages = overlay.find_packages(layer.path)
    assert {path.name for path in packages.iterdir()} >= {"clary_b.py", "__pycache__", "clary_b-1.0.dist-info"}
    assert not (packages / "clary_a.py").exists(), "the environment has it"
    code = "import clary_b, clary_a; print(clary_b.SEEN, clary_b.__file__, clary_a.__file__)"
    (line,) = run_on(layer, environment, tmp_path / "thin", str(tmp_path / "thin/bin/python"), "-c", code)
    assert line.split() == ["1", str(packages / "clary_b.py"), str(overlay.find_packages(environment) / "clary_a.py")]
    folder = tmp_path / "environments"
    assert [path.suffix for path in (folder / "requirements").iterdir()] == [".json"], "nothing else is left"
    assert make_layers().find(environment, "clary-b\n") == layer, "also for another server"
    assert made(layers, environment, "clary-b==1.*\n").path == layer.path, "what is in it counts, not the words"


def test_what_is_asked_for_wins_over_the_environment(
    make_layers: Callable[[], Layers], environment: Path, wheels: Path, tmp_path: Path
) -> None:
    layer = made(make_layers(), environment, "clary-b\nclary-a>=2\n")
    assert layer.packages == ("clary-a==2.0", "clary-b==1.0")
    python = str(tmp_path / "thin/bin/python")
    assert run_on(layer, environment, tmp_path / "thin", python, "-c", "import clary_b; print(clary_b.SEEN)") == ["2"]


def test_programs_run_in_the_environment_of_who_calls_them(
    make_layers: Callable[[], Layers], environment: Path, wheels: Path, tmp_path: Path
) -> None:
    wheel(wheels, "clary-c", "def main(): print('called')", programs="clary-c = clary_c:main\npip = clary_c:main\n")
    layer = made(make_layers(), environment, "clary-c\n")
    assert run_on(layer, environment, tmp_path / "thin", "clary-c") == ["called"]
    assert not (tmp_path / "thin/bin/pip").is_symlink(), "the unit's own stays"


def test_nothing_to_install_is_an_answer_as_well(
    make_layers: Callable[[], Layers], environment: Path, wheels: Path
) -> None:
    assert made(make_layers(), environment, "clary-a\n") == Layer(None, (), NOW)


def test_what_cannot_be_had_is_left_to_the_job(
    make_layers: Callable[[], Layers], environment: Path, wheels: Path, tmp_path: Path
) -> None:
    """So is what only its source would tell about: code of it would have to run."""
    source = tmp_path / "clary_d-1.0"
    source.mkdir()
    (source / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nfrom setuptools import setup\nsetup()")
    (source / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: clary-d\nVersion: 1.0\n")
    with tarfile.open(wheels / "clary_d-1.0.tar.gz", "w:gz") as tar:
        tar.add(source, source.name)
    layers = make_layers()
    answers = tmp_path / "environments" / "requirements"
    for count, lines in enumerate(("clary-none\n", "clary-d\n"), start=1):
        assert layers.find(environment, lines) is None
        eventually(lambda: len(list(answers.glob("*.json"))) == count)  # noqa: B023 - called before the next
        assert layers.find(environment, lines) is None
    assert not (tmp_path / "ran").exists()
    assert [path for path in (tmp_path / "environments").iterdir() if path.is_dir()] == [answers]


def test_an_answer_is_asked_for_anew_and_ends(
    make_layers: Callable[[], Layers], environment: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, clock = make_layers(), Later
    first = made(layers, environment, "clary-a>=2\n")
    wheel(wheels, "clary-a", "VERSION = 3", "3.0")
    monkeypatch.setattr(clock, "time", NOW + DAY)
    assert layers.find(environment, "clary-a>=2\n") == first
    monkeypatch.setattr(clock, "time", NOW + 2 * DAY)
    assert layers.find(environment, "clary-a>=2\n") == first, "until there is another answer"
    later = eventually(lambda: (found := layers.find(environment, "clary-a>=2\n")) != first and found)
    assert (later.packages, later.asked_at) == (("clary-a==3.0",), NOW + 2 * DAY)
    monkeypatch.setattr(clock, "time", NOW + 10 * DAY)
    assert layers.find(environment, "clary-a>=2\n") is None, "too old to be true"


def test_other_sources_have_other_layers(
    make_layers: Callable[[], Layers],
    environment: Path,
    wheels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = made(make_layers(), environment, "clary-b\n")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    wheel(theirs, "clary-b", "OTHER = 1")
    set_sources(monkeypatch, theirs)
    other = made(make_layers(), environment, "clary-b\n")
    assert other.packages == ours.packages
    assert other.path != ours.path


def test_the_servers_passwords_are_not_used_for_jobs() -> None:
    secret = "https://me:secret@example.com/simple"
    variables, options = sources(
        {
            "PATH": "/bin",
            "HOME": "/nowhere",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": "https://example.com/simple",
            "PIP_EXTRA_INDEX_URL": f"{secret} https://example.com/more",
            "PIP_TRUSTED_HOST": "example.com",
            "UV_INDEX": secret,
            "UV_KEYRING_PROVIDER": "subprocess",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
    )
    assert "secret" not in str(variables)
    assert variables.pop("UV_INDEX_STRATEGY")
    assert variables == {
        "UV_DEFAULT_INDEX": "https://example.com/simple",
        "UV_INDEX": "https://example.com/more",
        "UV_INSECURE_HOST": "example.com",
        "NETRC": os.devnull,
    }
    assert options == []


MAKER = """
import sys, time
from pathlib import Path
from clary.base.clock import SystemClock
from clary.runtimes.layers import Layers
layers = Layers(Path(sys.argv[1]), SystemClock())
while not layers.find(Path(sys.argv[2]), "clary-b\\n"):
    time.sleep(0.05)
"""


def test_a_layer_that_was_cut_off_is_made_again(
    make_layers: Callable[[], Layers], environment: Path, wheels: Path, tmp_path: Path
) -> None:
    for point in POINTS:
        command = [sys.executable, "-c", MAKER, str(tmp_path / "environments"), str(environment)]
        variables = {**os.environ, "CLARY_CRASH_AT": point}
        result = subprocess.run(command, env=variables, capture_output=True, timeout=60, check=False)
        assert result.returncode == -signal.SIGKILL, result.stderr
    (half,) = (tmp_path / "environments").glob("requirements-*[!k]")
    assert not (half / shared_folders.READY).exists()
    (half / "rubbish").touch()
    assert made(make_layers(), environment, "clary-b\n").path == half
    assert not (half / "rubbish").exists()
    (left,) = (tmp_path / "environments" / "requirements").glob("work-*")
    assert list(collect(tmp_path / "environments", DAY, datetime.now(UTC) + 2 * DAY)) != []
    assert not left.exists()


def test_what_fills_the_disk_is_ended_and_leaves_nothing(
    make_layers: Callable[[], Layers],
    environment: Path,
    wheels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = [10**12]
    unpacking = tmp_path / "unpacking"
    endless = tmp_path / "endless"
    endless.write_text(
        f"#!/bin/sh\nfor word; do case $word in\n--target=*) echo $$ > {unpacking}; exec sleep 600;;\n"
    )
    with endless.open("a") as file:
        file.write(f'esac; done\nexec {sys.executable} "$@"\n')
    endless.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(endless))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=free[0]))
    monkeypatch.setattr("clary.runtimes.layers._LOOK_SECONDS", 0.05)
    layers, folder = make_layers(), tmp_path / "environments"
    assert layers.find(environment, "clary-b\n") is None
    pid = eventually(lambda: unpacking.exists() and unpacking.read_text().strip())
    free[0] = 10**9
    (answer,) = eventually(lambda: list((folder / "requirements").glob("*.json")))
    assert json.loads(answer.read_text())["packages"] is None
    assert not Path(f"/proc/{pid}").exists()
    assert [path for path in folder.iterdir() if path.is_dir()] == [folder / "requirements"]
    assert list((folder / "requirements").iterdir()) == [answer]


def test_layers_are_listed_and_collected(
    make_layers: Callable[[], Layers], environment: Path, wheels: Path, tmp_path: Path
) -> None:
    layers, folder = make_layers(), tmp_path / "environments"
    layer = made(layers, environment, "clary-b\n")
    (found,) = find_environments(folder)
    assert (found.path, found.label, found.in_use) == (layer.path, "requirements.txt: clary-b==1.0", False)
    now = datetime.now(UTC)
    assert list(collect(folder, 30 * DAY, now)) == []
    assert [gone.path for gone in collect(folder, 30 * DAY, now + 31 * DAY)] == [layer.path]
    assert list((folder / "requirements").iterdir()) == []
    assert made(layers, environment, "clary-b\n") == layer


def test_a_layer_that_nobody_came_for_is_collected(
    make_layers: Callable[[], Layers], environment: Path, wheels: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "environments"
    assert make_layers().find(environment, "clary-b\n") is None
    eventually(lambda: list((folder / "requirements").glob("*.json")))
    assert [gone.label for gone in collect(folder, 30 * DAY, datetime.now(UTC) + 31 * DAY)] == [
        "requirements.txt: clary-b==1.0"
    ]


def test_nothing_is_made_after_the_end(make_layers: Callable[[], Layers], environment: Path, wheels: Path) -> None:
    layers = make_layers()
    layers.close()
    assert layers.find(environment, "clary-b\n") is None
    assert layers.find(environment, "clary-b\n") is None
