"""Requirements, packages and the pip that programs call, with wheels made here and a real uv. No network."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolkit.running import UV, OptMl, wheel


@pytest.fixture
def wheels(opt_ml: OptMl) -> Path:
    """A folder with `clary-a` 1.0 and 2.0, and `clary-b`, which needs `clary-a`."""
    folder = opt_ml.base / "wheels"
    folder.mkdir()
    wheel(folder, "clary-a", "VERSION = 1", "1.0")
    wheel(folder, "clary-a", "VERSION = 2", "2.0")
    wheel(folder, "clary-b", "import clary_a\nSEEN = clary_a.VERSION", "1.0", "clary-a")
    return folder


@pytest.fixture
def environment(opt_ml: OptMl, wheels: Path, tmp_path: Path) -> Path:
    """An environment that has clary-a 1.0 and cannot be written."""
    folder = tmp_path / "environment"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True, capture_output=True)
    opt_ml.python = folder / "bin" / "python"
    install = [*uv, "pip", "install", "--python", str(opt_ml.python), "--no-index", "--find-links", str(wheels)]
    subprocess.run([*install, "clary-a==1.0"], check=True, capture_output=True)
    return folder


def installed(environment: Path) -> set[str]:
    (packages,) = environment.glob("lib/python*/site-packages")
    return {path.name for path in packages.iterdir()}


def test_only_what_is_missing_is_installed(opt_ml: OptMl, environment: Path, wheels: Path) -> None:
    before = installed(environment)
    script = "import clary_b, clary_a; print(clary_b.SEEN, clary_a.__file__)"
    requirements = f"# mine\n--no-index\n--find-links {wheels}\nclary-b\n"
    code, output = opt_ml.train({"train.py": script, "requirements.txt": requirements}, CLARY_UV=UV)
    assert code == 0, output
    seen, place = output.splitlines()[-1].split()
    assert seen == "1"  # although 2.0 could be had: what the environment has stays
    assert place.startswith(str(environment))
    assert (opt_ml.scratch / "packages/clary_b.py").exists()
    assert not (opt_ml.scratch / "packages/clary_a.py").exists()
    assert installed(environment) == before


def test_what_the_user_asks_for_wins_over_the_environment(opt_ml: OptMl, environment: Path, wheels: Path) -> None:
    script = "import clary_a; print(clary_a.VERSION)"
    requirements = f"--no-index\n--find-links {wheels}\nclary-a>=2\n"
    code, output = opt_ml.train({"train.py": script, "requirements.txt": requirements}, CLARY_UV=UV)
    assert (code, output.splitlines()[-1]) == (0, "2")


def test_what_the_platform_has_put_there_is_not_installed_again(opt_ml: OptMl, environment: Path) -> None:
    """It names the content of the file that it means; with any other, all is as without it."""
    files = {"train.py": "print('trained')", "requirements.txt": "clary-b\n"}
    known = hashlib.sha256(b"clary-b\n").hexdigest()
    code, output = opt_ml.train(files, PATH="/nowhere", CLARY_REQUIREMENTS=known)
    assert (code, output.splitlines()[-1]) == (0, "trained"), output
    assert "all of requirements.txt is there already" in output
    opt_ml.base.joinpath("code/requirements.txt").write_text("clary-b \n")
    code, _ = opt_ml.train(files, PATH="/nowhere", CLARY_REQUIREMENTS=known)
    assert code == 1
    assert opt_ml.failure == "InstallError: cannot install packages: this environment has neither uv nor pip"


def test_requirements_that_cannot_be_met_fail_the_job_with_their_text(opt_ml: OptMl, environment: Path) -> None:
    files = {"train.py": "print('never')", "requirements.txt": "--no-index\nclary-no-such-package==3\n"}
    code, output = opt_ml.train(files, CLARY_UV=UV)
    assert code == 1
    assert "never" not in output
    assert opt_ml.failure.startswith("InstallError: installing -r requirements.txt failed")
    assert "clary-no-such-package" in opt_ml.failure


def test_neither_uv_nor_pip_is_said(opt_ml: OptMl, environment: Path) -> None:
    files = {"train.py": "", "requirements.txt": "clary-a"}
    assert opt_ml.train(files, PATH="/nowhere")[0] == 1
    assert opt_ml.failure == "InstallError: cannot install packages: this environment has neither uv nor pip"


CALLS_PIP = """
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "--user", *sys.argv[1].split()])
import clary_b
subprocess.check_call(["pip", "uninstall", "--yes", "typing"])
subprocess.check_call(["pip3", "--version"])
print("imported", clary_b.SEEN)
"""


def test_a_script_may_call_pip_itself(opt_ml: OptMl, environment: Path, wheels: Path) -> None:
    arguments = {"n": f'"--no-index --find-links {wheels} clary-b"'}
    script = CALLS_PIP.replace("sys.argv[1]", "sys.argv[2]")
    code, output = opt_ml.train({"train.py": script}, arguments, CLARY_UV=UV)
    assert (code, output.splitlines()[-1]) == (0, "imported 1"), output


def test_process_becomes_the_program_and_gives_it_a_pip(opt_ml: OptMl, environment: Path, wheels: Path) -> None:
    (opt_ml.base / "requirements.txt").write_text(f"--no-index\n--find-links {wheels}\nclary-b\n")
    script = opt_ml.base / "runproc.sh"
    script.write_text('set -e\npip uninstall --yes typing\npip install -r requirements.txt\npython -c "$1"\nexit 5\n')
    path = f"{opt_ml.python.parent}:/usr/bin:/bin"
    arguments = ("/bin/bash", str(script), "import clary_b; print('saw', clary_b.SEEN)")
    code, output = opt_ml.run("process", *arguments, CLARY_UV=UV, PATH=path)
    assert code == 5
    assert output.splitlines()[-1] == "saw 1"


def test_pip_says_what_it_could_not_install(opt_ml: OptMl, environment: Path) -> None:
    code, output = opt_ml.run("process", "pip", "install", "--no-index", "clary-none", CLARY_UV=UV)
    assert code == 1
    assert output.splitlines()[-1].startswith("ERROR: installing --no-index clary-none failed")


@pytest.mark.parametrize(("program", "code"), [("no-such-program", 127), ("/etc", 126)])
def test_a_program_that_cannot_be_started(opt_ml: OptMl, program: str, code: int) -> None:
    ended, output = opt_ml.run("process", program)
    assert ended == code
    assert repr(program) in output


def test_process_needs_a_program(opt_ml: OptMl) -> None:
    assert opt_ml.run("process") == (127, "clary-toolkit: the request names no program to run\n")


def test_a_project_without_the_file_is_a_package(opt_ml: OptMl, environment: Path) -> None:
    files = {
        "pyproject.toml": "[project]\nname = 'own'\nversion = '1'\n"
        "[build-system]\nrequires = []\nbuild-backend = 'build_own'\nbackend-path = ['.']\n",
        "build_own.py": BACKEND,
        "src.txt": "print('from the package', __name__)",
    }
    code, output = opt_ml.train(files, program="own_main.py", CLARY_UV=UV)
    assert (code, output.splitlines()[-1]) == (0, "from the package __main__"), output


BACKEND = """
import zipfile
def build_wheel(folder, settings=None, metadata=None):
    name = "own-1-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as file:
        file.write("src.txt", "own_main.py")
        file.writestr("own-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: own\\nVersion: 1\\n")
        file.writestr("own-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        file.writestr("own-1.dist-info/RECORD", "own_main.py,,\\n")
    return name
"""
