"""The user's source: putting it into /opt/ml/code and finding out how it is run."""

from __future__ import annotations

import enum
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from clary_toolkit.archives import extract
from clary_toolkit.errors import ContractError, MissingEntryPoint
from clary_toolkit.training.variables import Program

PROJECT_TABLE = re.compile(r"^\[(project|build-system)\]", re.MULTILINE)


class Kind(enum.Enum):
    """How the entry point is started."""

    PACKAGE = "package"  # installed, then `python -m`
    SCRIPT = "script"  # `python entry.py`
    COMMAND = "command"  # anything else, by the shell


def stage_source(code: Path, archive: str, submitted: str) -> None:
    """Fill the code folder unless the user's image or channel has filled it already.

    `archive` is what the platform downloaded; without it `submitted`, the place named by the request, is used
    when it is a folder or an archive of this very file system.
    """
    code.mkdir(parents=True, exist_ok=True)
    if any(code.iterdir()):
        return
    origin = Path(archive or submitted)
    if not (archive or submitted):
        return
    if origin.is_file():
        extract(origin, code)
    elif origin.is_dir():
        shutil.copytree(origin, code, dirs_exist_ok=True)
    else:
        raise ContractError(f"the source {submitted or archive} has not been brought into the job")


def entry_kind(code: Path, program: Program) -> Kind:
    """A setup.py makes the source a package; a pyproject.toml only when there is no such file to run."""
    exists = (code / program.entry_point).is_file()
    if (code / "setup.py").is_file() or (not exists and _declares_package(code / "pyproject.toml")):
        return Kind.PACKAGE
    if not exists:
        raise MissingEntryPoint(f"entry point {program.entry_point!r} is not in the source; {_listing(code)}")
    return Kind.SCRIPT if program.entry_point.endswith(".py") else Kind.COMMAND


def command_line(kind: Kind, program: Program) -> list[str]:
    if kind is Kind.PACKAGE:
        return [sys.executable, "-m", program.module.replace("/", "."), *program.arguments]
    if kind is Kind.SCRIPT:
        return [sys.executable, program.entry_point, *program.arguments]
    # `exec`, so that a signal reaches the user's program and not a shell that waits for it.
    return ["/bin/sh", "-c", f"exec ./{_quoted([program.entry_point, *program.arguments])}"]


def make_executable(path: Path) -> None:
    path.chmod(0o755)


def packages_of(kind: Kind, code: Path) -> list[list[str]]:
    """What has to be installed first, as arguments of `pip install`."""
    needed = []
    if kind is not Kind.COMMAND and (code / "requirements.txt").is_file():
        needed.append(["-r", "requirements.txt"])
    if kind is Kind.PACKAGE:
        needed.append(["."])
    return needed


def _declares_package(path: Path) -> bool:
    return path.is_file() and bool(PROJECT_TABLE.search(path.read_text(encoding="utf-8", errors="replace")))


def _listing(code: Path) -> str:
    names = sorted(f"{each.name}/" if each.is_dir() else each.name for each in code.iterdir())
    return f"it holds: {', '.join(names[:20])}" if names else "it is empty"


def _quoted(words: Sequence[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)
