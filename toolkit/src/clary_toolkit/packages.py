"""Installing the user's requirements on top of a read-only environment.

The environment stays as it is; what it lacks goes into a writable folder that comes first on the module search
path. An installer told to fill a folder ignores the environment and would copy the whole dependency tree there,
newer numpy included, under the feet of the compiled framework. So it is asked in two steps: first what it
*would* change in the environment, then to put exactly that into the folder, without dependencies.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NoReturn

from clary_toolkit.child import Foreground
from clary_toolkit.errors import InstallError

# Lines of a requirements file that say where packages come from; needed again in the second step.
SOURCE_OPTIONS = (
    "--index-url",
    "-i ",
    "--extra-index-url",
    "--find-links",
    "-f ",
    "--no-index",
    "--trusted-host",
    "--no-binary",
    "--only-binary",
    "--pre",
)
REQUIREMENTS_VARIABLE = "CLARY_REQUIREMENTS"
WOULD_INSTALL = re.compile(r"^ \+ (\S+?)(?:==(\S+))?(?: (?:@ |\(from )(\S+?)\)?)?$", re.MULTILINE)


@dataclass(frozen=True)
class Overlay:
    """A writable folder of packages that is searched before the environment."""

    folder: Path

    def variables(self, variables: dict[str, str]) -> dict[str, str]:
        """`variables` with the folder first on the module search path and its programs first on PATH."""
        return {
            **variables,
            "PYTHONPATH": _joined(str(self.folder), variables.get("PYTHONPATH")),
            "PATH": _joined(str(self.folder / "bin"), variables.get("PATH")),
        }

    def install(self, what: Sequence[str], foreground: Foreground, cwd: Path) -> None:
        """Install what `pip install` would for these arguments. Raises InstallError."""
        if _is_there(what, cwd):
            print(f"clary-toolkit: all of {what[1]} is there already", flush=True)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        installer = _installer()
        pins = installer.planned(what, foreground, cwd)
        if not pins:
            return
        if _has_hashes(what, cwd):
            installer.fill(self.folder, what, foreground, cwd)
            return
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join([*_source_lines(what, cwd), *pins]) + "\n")
            file.flush()
            installer.fill(self.folder, ["-r", file.name, *_source_arguments(what)], foreground, cwd)


def new_overlay() -> Overlay:
    """An overlay in CLARY_SCRATCH, which belongs to one job or replica, or else in a temporary folder."""
    scratch = os.environ.get("CLARY_SCRATCH")
    return Overlay(Path(scratch) / "packages" if scratch else Path(tempfile.mkdtemp(prefix="clary-packages-")))


@dataclass(frozen=True)
class _Uv:
    program: str

    def planned(self, what: Sequence[str], foreground: Foreground, cwd: Path) -> list[str]:
        command = [self.program, "pip", "install", "--python", sys.executable, "--dry-run", *what]
        plan = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        if plan.returncode != 0:
            _refuse(what, plan.stderr, foreground)
        return [_pin(*found) for found in WOULD_INSTALL.findall(plan.stderr)]

    def fill(self, folder: Path, what: Sequence[str], foreground: Foreground, cwd: Path) -> None:
        target = ["--python", sys.executable, "--target", str(folder), "--no-deps", "--no-progress"]
        _run([self.program, "pip", "install", *target, *what], foreground, cwd)


@dataclass(frozen=True)
class _Pip:
    """For environments that bring pip and no uv. Isolated (-I), or it would find the stand-in of `pip.py`."""

    def planned(self, what: Sequence[str], foreground: Foreground, cwd: Path) -> list[str]:
        command = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-", *what]
        plan = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        if plan.returncode != 0:
            _refuse(what, plan.stderr, foreground)
        found = json.loads(plan.stdout)["install"]
        return [
            _pin(each["metadata"]["name"], each["metadata"]["version"], each["download_info"]["url"])
            if each.get("is_direct")
            else _pin(each["metadata"]["name"], each["metadata"]["version"], "")
            for each in found
        ]

    def fill(self, folder: Path, what: Sequence[str], foreground: Foreground, cwd: Path) -> None:
        target = ["--target", str(folder), "--upgrade", "--no-deps"]
        _run([sys.executable, "-I", "-m", "pip", "install", *target, *what], foreground, cwd)


def _installer() -> _Uv | _Pip:
    program = os.environ.get("CLARY_UV") or shutil.which("uv")
    if program:
        return _Uv(program)
    # The environment may lie below a thin one of the job's own; the stand-in for pip lies in neither.
    installed = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    if PathFinder.find_spec("pip", installed) is None:
        raise InstallError("cannot install packages: this environment has neither uv nor pip")
    return _Pip()


def installer_command(words: Sequence[str]) -> list[str]:
    """The installer's command for anything but an installation: list, show, uninstall ..."""
    installer = _installer()
    if isinstance(installer, _Pip):
        return [sys.executable, "-I", "-m", "pip", *words]
    return [installer.program, "pip", *words[:1], "--python", sys.executable, *words[1:]]


def _pin(name: str, version: str, url: str) -> str:
    return f"{name} @ {url}" if url else f"{name}=={version}"


def _run(command: list[str], foreground: Foreground, cwd: Path) -> None:
    result = foreground.run(command, os.environ, cwd)
    if result.returncode != 0:
        _refuse(command, result.tail, foreground, printed=True)


def _refuse(what: Sequence[str], output: str, foreground: Foreground, *, printed: bool = False) -> NoReturn:
    if not printed:
        print(output, file=sys.stderr, flush=True)
    state = "was stopped" if foreground.stopping else "failed"
    raise InstallError(f"installing {' '.join(what)} {state}", output.strip())


def _is_there(what: Sequence[str], cwd: Path) -> bool:
    """Whether the platform has put all that this very file lists on the module search path; it tells the content."""
    known = os.environ.get(REQUIREMENTS_VARIABLE)
    if not known or len(what) != 2 or what[0] not in {"-r", "--requirement"}:
        return False
    try:
        return hashlib.sha256((cwd / what[1]).read_bytes()).hexdigest() == known
    except OSError:
        return False


def _source_arguments(what: Sequence[str]) -> list[str]:
    """The options among the arguments that say where packages come from."""
    kept: list[str] = []
    rest = iter(what)
    for argument in rest:
        name = argument.split("=", 1)[0]
        if name in {"--no-index", "--pre"} or (name != argument and _is_source_option(name)):
            kept.append(argument)
        elif _is_source_option(argument):
            kept += [argument, next(rest, "")]
    return kept


def _is_source_option(name: str) -> bool:
    return any(name == option.strip() for option in SOURCE_OPTIONS)


def _source_lines(what: Sequence[str], cwd: Path) -> list[str]:
    """The option lines of the requirements files named in the arguments."""
    lines: list[str] = []
    for path in _requirements_files(what, cwd):
        stripped = [line.strip() for line in _text(path).splitlines()]
        lines += [_anchored(line, path.parent) for line in stripped if line.startswith(SOURCE_OPTIONS)]
    return lines


def _anchored(line: str, folder: Path) -> str:
    """A folder of wheels named relative to its requirements file, as an absolute path."""
    option, _, value = line.replace("=", " ", 1).partition(" ")
    wheels = folder / value.strip()
    return f"{option} {wheels.resolve()}" if option in {"--find-links", "-f"} and wheels.is_dir() else line


def _has_hashes(what: Sequence[str], cwd: Path) -> bool:
    """With hashes the files list everything and each download must be checked: they are used as they are."""
    return any("--hash=" in _text(path) for path in _requirements_files(what, cwd))


def _requirements_files(what: Sequence[str], cwd: Path) -> list[Path]:
    following = [what[at + 1] for at, each in enumerate(what[:-1]) if each in {"-r", "--requirement"}]
    joined = [each.split("=", 1)[1] for each in what if each.startswith("--requirement=")]
    return [cwd / name for name in following + joined]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # the installer has already refused it, or will


def _joined(first: str, rest: str | None) -> str:
    return f"{first}{os.pathsep}{rest}" if rest else first
