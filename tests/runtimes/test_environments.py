"""Environments: a real small one is built by uv; the frameworks' own are built by the system tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from clary.runtimes import environments, images, isolation, overlay, shared_folders
from clary.runtimes.environments import BeingBuilt, Environments, PreparedEnvironment
from clary.runtimes.errors import EnvironmentBuildError
from clary.runtimes.images import Definition
from clary.runtimes.uv import Uv
from tests.runtimes.conftest import Machine, isolation_or_skip
from tests.server import eventually

REAL_LOCK = environments.read_lock
SMALL = Definition("small", "scikit-learn", (1, 2, 2))


def small_lock(*packages: str) -> str:
    """The named packages as a real lock has them."""
    entries = REAL_LOCK("scikit-learn-1.7").split("\n")
    chosen: list[str] = []
    keeping = False
    for line in entries:
        if line and not line.startswith((" ", "#")):
            keeping = line.partition("==")[0] in packages
        if keeping:
            chosen.append(line)
    return "\n".join(chosen) + "\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> PreparedEnvironment:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environments, "read_lock", lambda _name: small_lock("itsdangerous", "pip"))
        return Environments(tmp_path_factory.mktemp("environments") / "tests").prepare_definition(SMALL)


def test_an_environment_holds_its_packages(small: PreparedEnvironment) -> None:
    code = "import itsdangerous, sys; print(itsdangerous.__file__); print(sys.prefix)"
    python = small.path / "bin" / "python"
    result = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert result.stdout.splitlines()[1] == str(small.path)
    assert (small.framework, small.label) == ("scikit-learn", "scikit-learn 1.2.2")
    assert shared_folders.read_label(small.path) == "scikit-learn 1.2.2"
    bytecode = overlay.find_packages(small.path) / "itsdangerous" / "__pycache__"
    assert list(bytecode.glob("*.pyc")), "units cannot write bytecode themselves"


def test_client_programs_write_what_bytecode_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "read_lock", lambda _name: small_lock("itsdangerous"))
    client = Environments(tmp_path).prepare_client(replace(SMALL, for_jobs=False))
    assert not list(client.path.rglob("*.pyc"))
    subprocess.run([client.path / "bin" / "python", "-c", "import itsdangerous"], check=True, env={})
    assert list((overlay.find_packages(client.path) / "itsdangerous").rglob("*.pyc"))


def test_bytecode_of_packages_without_their_tests(tmp_path: Path) -> None:
    site = tmp_path / "tests" / "lib" / "python3.11" / "site-packages"
    for name in ("a/__init__.py", "a/tests/test_a.py", "b/test/x.py", "b/testing.py", "single.py"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("x = 1\n")
    (site / "a" / "newer.py").write_text("match = = 1\n")
    (tmp_path / "tests" / "bin").mkdir()
    python = tmp_path / "tests" / "bin" / "python"
    python.symlink_to(sys.executable)
    with (tmp_path / "lock").open("w") as lock:
        Uv().compile("small", python, lock.fileno())
        found = {path.name.partition(".")[0] for path in site.rglob("*.pyc")}
        assert found == {"__init__", "testing", "single"}
        python.unlink()
        python.write_text("#!/bin/sh\nkill -9 $$\n")
        python.chmod(0o755)
        with pytest.raises(EnvironmentBuildError, match="its compiler was killed"):
            Uv().compile("small", python, lock.fileno())


def test_a_warm_environment_is_found_at_once(small: PreparedEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "read_lock", lambda _name: small_lock("itsdangerous", "pip"))
    later = Environments(small.path.parent)
    stamp = small.path / ".used"
    os.utime(stamp, (0, 0))
    assert later.prepare_definition(SMALL).path == small.path
    assert time.time() - stamp.stat().st_mtime < 60
    begun = time.thread_time()
    for _ in range(20):
        later.prepare_definition(SMALL)
    assert (time.thread_time() - begun) / 20 < 0.02


def test_another_lock_is_another_environment(tmp_path: Path) -> None:
    place = Environments(tmp_path)
    paths = {place._path(name, lock) for name, lock in (("a", "1"), ("b", "2"), ("c", "1"))}
    hashes = {path.name.partition("-")[2] for path in paths}
    assert len(hashes) == 2


def test_the_log_of_a_unit_names_the_framework(small: PreparedEnvironment, tmp_path: Path) -> None:
    machine = Machine(tmp_path, small.path, isolation_or_skip("plain"))
    machine.launch("u", "pass")
    machine.wait("u")
    assert machine.lines("u")[0].endswith(", scikit-learn 1.2.2")
    machine.close()


BUILDER = """
import sys
from pathlib import Path
from clary.runtimes import environments
from tests.runtimes.test_environments import SMALL, small_lock
environments.read_lock = lambda _name: small_lock("itsdangerous")
print(environments.Environments(Path(sys.argv[1])).prepare_definition(SMALL).path)
"""


def build(folder: Path, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BUILDER, str(folder)]
    root = Path(__file__).parents[2]
    variables = {**os.environ, "CLARY_CRASH_AT": crash_at, "PYTHONPATH": str(root)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)


def test_several_builders_at_once_build_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(build, [tmp_path] * 3))
    assert [result.returncode for result in results] == [0, 0, 0], results[0].stderr
    assert len({result.stdout for result in results}) == 1
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


POINTS = ("environments.before_build", "environments.after_install")


def test_a_build_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    for point in POINTS:
        assert build(tmp_path, point).returncode == -signal.SIGKILL
    (half,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert not (half / ".ready").exists()
    (half / "rubbish").touch()
    assert build(tmp_path).returncode == 0
    assert (half / ".ready").exists()
    assert not (half / "rubbish").exists()


SLOW_UV = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[-1])
folder.mkdir()
time.sleep(1.5)
(folder / "late").touch()
(folder.parent / "uv-has-ended").touch()
"""


def test_nobody_builds_while_the_uv_of_a_dead_builder_still_writes(tmp_path: Path) -> None:
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "uv.py").write_text(SLOW_UV)
    place = tmp_path / "environments"
    place.mkdir()
    root = Path(__file__).parents[2]
    variables = {**os.environ, "PYTHONPATH": f"{tmp_path / 'python'}:{root}"}
    builder = subprocess.Popen([sys.executable, "-c", BUILDER, str(place)], env=variables)
    eventually(lambda: [path for path in place.iterdir() if path.is_dir()])
    builder.kill()
    builder.wait()
    assert not (place / "uv-has-ended").exists()
    result = build(place)
    assert result.returncode == 0, result.stderr
    assert (place / "uv-has-ended").exists()
    made = Path(result.stdout.strip())
    assert (made / ".ready").exists()
    assert not (made / "late").exists()


# -- without waiting -----------------------------------------------------------------------------------------------

IMAGE = "1.dkr.ecr.x.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


class Pretended:
    """A uv that makes an empty environment when it may go on, and fails when it is told so."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = folder / "calls"
        self.go_on = folder / "go-on"
        self._fails = folder / "fails"
        (folder / "uv.py").write_text(
            "import os, pathlib, sys, time\n"
            f"calls = pathlib.Path({str(self.calls)!r})\n"
            "with calls.open('a') as file: file.write(f'{os.getpid()} {sys.argv[1]}\\n')\n"
            f"while not pathlib.Path({str(self.go_on)!r}).exists(): time.sleep(0.01)\n"
            "if sys.argv[1] == 'venv': pathlib.Path(sys.argv[-1]).mkdir()\n"
            f"sys.exit('no network' if pathlib.Path({str(self._fails)!r}).exists() else 0)\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(folder))

    def fails(self, *, really: bool) -> None:
        self._fails.touch() if really else self._fails.unlink()

    def begun(self) -> list[int]:
        """Process ids of all that made an environment."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [int(line.split()[0]) for line in lines if line.endswith(" venv")]


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretended:
    folder = tmp_path / "python"
    folder.mkdir()
    return Pretended(folder, monkeypatch)


@pytest.fixture
def obtaining(tmp_path: Path) -> Iterator[Environments]:
    made = Environments(tmp_path / "environments")
    yield made
    made.close()


def obtained(place: Environments, asker: str = "u") -> PreparedEnvironment:
    def look() -> PreparedEnvironment | None:
        found = place.obtain(IMAGE, asker)
        return None if isinstance(found, BeingBuilt) else found

    return eventually(look)


def test_who_obtains_is_told_at_once_that_it_is_being_built(obtaining: Environments, pretended: Pretended) -> None:
    told: list[str] = []
    obtaining.listen(told.append)
    for asker in ("one", "two"):
        assert isinstance(obtaining.obtain(IMAGE, asker), BeingBuilt)
    eventually(pretended.begun)
    pretended.go_on.touch()
    eventually(lambda: sorted(told) == ["one", "two"])
    found = obtaining.obtain(IMAGE, "three")
    assert isinstance(found, PreparedEnvironment)
    assert found == obtaining.prepare(IMAGE)
    assert len(pretended.begun()) == 1


def test_a_function_waits_for_both_of_its_environments(obtaining: Environments, pretended: Pretended) -> None:
    pretended.go_on.touch()
    image = obtained(obtaining)
    being = obtaining.obtain(IMAGE, "u", "2.257.0")
    assert being == BeingBuilt((images.SDK_2.label,))

    def look() -> PreparedEnvironment | None:
        found = obtaining.obtain(IMAGE, "u", "2.257.0")
        return None if isinstance(found, BeingBuilt) else found

    both = eventually(look)
    assert (both.path, both.framework) == (image.path, image.framework)
    assert both.front == obtaining.prepare_definition(images.SDK_2).path


def test_a_build_that_failed_is_tried_anew(obtaining: Environments, pretended: Pretended) -> None:
    pretended.fails(really=True)
    pretended.go_on.touch()
    with pytest.raises(EnvironmentBuildError, match="no network"):
        obtained(obtaining)
    pretended.fails(really=False)
    assert obtained(obtaining, "another").path.exists()
    assert len(pretended.begun()) == 2


def test_what_another_process_builds_is_not_built_here(obtaining: Environments, pretended: Pretended) -> None:
    pretended.go_on.touch()
    path = obtained(obtaining).path
    (path / ".ready").unlink()
    with shared_folders.alone(path):
        for _ in range(3):
            assert isinstance(obtaining.obtain(IMAGE, "u"), BeingBuilt)
            eventually(lambda: not obtaining._builds._waiting)
        assert len(pretended.begun()) == 1
        (path / ".ready").write_text("{}")
    assert obtained(obtaining).path == path
    assert len(pretended.begun()) == 1


def test_the_end_of_the_server_ends_uv(obtaining: Environments, pretended: Pretended) -> None:
    assert isinstance(obtaining.obtain(IMAGE, "u"), BeingBuilt)
    (pid,) = eventually(pretended.begun)
    obtaining.close()
    assert not Path(f"/proc/{pid}").exists()
    assert isinstance(obtaining.obtain(IMAGE, "u"), BeingBuilt)
    with pytest.raises(EnvironmentBuildError, match="ending"):
        obtaining.prepare(IMAGE)
    pretended.go_on.touch()
    later = Environments(obtaining.folder)
    assert obtained(later).path.exists()
    later.close()


def test_who_waits_for_another_process_waits_no_longer_than_the_server(
    obtaining: Environments, pretended: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended.go_on.touch()
    path = obtained(obtaining).path
    (path / ".ready").unlink()
    waiting = threading.Event()
    looked = shared_folders.alone_or_not

    def look(of: Path) -> AbstractContextManager[int | None]:
        waiting.set()
        return looked(of)

    monkeypatch.setattr(shared_folders, "alone_or_not", look)
    with shared_folders.alone(path), ThreadPoolExecutor(1) as threads:
        prepared = threads.submit(obtaining.prepare, IMAGE)
        assert waiting.wait(30)
        obtaining.close()
        with pytest.raises(EnvironmentBuildError, match="ending"):
            prepared.result(30)


OBTAINER = """
import sys, time
from pathlib import Path
from clary.runtimes.environments import Environments
Environments(Path(sys.argv[1])).obtain(sys.argv[2], "u")
time.sleep(60)
"""


def test_a_server_that_was_killed_during_a_build_is_followed_by_one_that_builds(
    obtaining: Environments, pretended: Pretended
) -> None:
    command = [sys.executable, "-c", OBTAINER, str(obtaining.folder), IMAGE]
    variables = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}:{Path(environments.__file__).parents[2]}"}
    with subprocess.Popen(command, env=variables) as server:
        (orphan,) = eventually(pretended.begun)
        server.kill()
    assert isinstance(obtaining.obtain(IMAGE, "u"), BeingBuilt)
    eventually(lambda: not obtaining._builds._waiting)
    assert pretended.begun() == [orphan], "it still has the lock"
    pretended.go_on.touch()
    assert (obtained(obtaining).path / ".ready").exists()
    assert len(pretended.begun()) == 2


def test_a_server_keeps_the_locks_that_it_has_read(
    obtaining: Environments, pretended: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended.go_on.touch()
    path = obtained(obtaining).path
    monkeypatch.setattr(environments, "read_lock", lambda _name: "updated==2\n")
    assert obtained(obtaining).path == path
    later = Environments(obtaining.folder)
    assert later.obtain(IMAGE, "u") == BeingBuilt(("scikit-learn 1.2.2",))
    later.close()


def test_a_wrong_hash_is_refused_with_uvs_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = "itsdangerous==2.2.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    monkeypatch.setattr(environments, "read_lock", lambda _name: lock)
    with pytest.raises(EnvironmentBuildError, match=r"(?i)hash") as caught:
        Environments(tmp_path).prepare_definition(SMALL)
    assert caught.value.reason.startswith("InternalServerError: The environment small could not be built")
    with pytest.raises(EnvironmentBuildError):
        Environments(tmp_path).prepare_definition(SMALL)


def test_images_lead_to_definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(_self: Environments, definition: Definition) -> PreparedEnvironment:
        asked.append(definition.name)
        return PreparedEnvironment(tmp_path, definition.framework, "3")

    monkeypatch.setattr(Environments, "prepare_definition", note)
    found = environments.prepare("1.dkr.ecr.x.amazonaws.com/sagemaker-xgboost:0.90-1-cpu-py3", tmp_path)
    assert asked == [images.select("sagemaker-xgboost:0.90-1-cpu-py3", sys.version_info[:3]).definition.name]
    assert found.notes


# -- the unit's own layer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["bwrap", "namespace", "plain"])
def test_pip_installs_into_the_units_own_layer(small: PreparedEnvironment, tmp_path: Path, way: str) -> None:
    """What the shared environment has counts as installed; another version of it comes first; nothing is lost."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "greeting", "1.0", "def greet(): return 'hello'", requires="itsdangerous>=2")
    make_wheel(wheels, "itsdangerous", "99.0", "__version__ = '99.0'")
    code = f"""
import subprocess, sys
options = ["install", "--quiet", "--no-index", "--find-links", {str(wheels)!r}]
subprocess.run([sys.executable, "-m", "pip", *options, "greeting"], check=True)
check = "import greeting, itsdangerous; print(greeting.greet(), itsdangerous.__file__)"
subprocess.run([sys.executable, "-c", check])
subprocess.run(["pip", *options, "itsdangerous==99.0"], check=True)
subprocess.run([sys.executable, "-c", "import itsdangerous; print(itsdangerous.__version__)"])
"""
    before = sorted(path.name for path in overlay.find_packages(small.path).iterdir())
    machine = Machine(tmp_path / "data", small.path, isolation_or_skip(way), visible=(wheels,))
    machine.launch("u", code)
    state, lines = machine.wait("u", seconds=60), machine.lines("u")
    machine.close()
    assert state.exit_code == 0, lines
    greeting = next(line for line in lines if line.startswith("hello "))
    found = overlay.find_packages(small.path) / "itsdangerous" / "__init__.py"
    seen = Path(isolation.BWRAP_ENVIRONMENT, found.relative_to(small.path)) if way == "bwrap" else found
    assert greeting == f"hello {seen}"
    assert lines[-1] == "99.0"
    assert sorted(path.name for path in overlay.find_packages(small.path).iterdir()) == before


def make_wheel(folder: Path, name: str, version: str, code: str, requires: str = "") -> None:
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", code)
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(
            f"{info}/RECORD", f"{name}/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
