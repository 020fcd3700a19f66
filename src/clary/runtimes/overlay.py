"""The thin environment that every unit has on top of a shared one.

Job environments are shared and read-only, yet jobs install packages (requirements.txt, `pip install` in a
script). So each unit gets a virtual environment of its own that holds nothing but links: the same interpreter,
and the shared packages by path. pip finds those and counts them as installed, puts what is new into the
thin environment, where it comes first, and leaves the shared one alone. Making one takes a millisecond.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from clary.runtimes import isolation

# By their own names, so that they run in the thin environment and not in the shared one where they are installed.
_PROGRAMS = {"pip": "pip", "pip3": "pip"}
# Jobs share the machine's ports, which the launcher knows nothing of.
_TORCH_PROGRAMS = {"torchrun": "clary_toolkit torchrun"}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python behind an environment: `executable` and `prefixes` are host paths outside of it."""

    executable: Path
    home: Path
    version: str
    prefixes: tuple[Path, ...]
    packages: Path
    environment: Path


def read_interpreter(environment: Path) -> Interpreter:
    """Read pyvenv.cfg. Raises OSError when the folder is no virtual environment."""
    entries = dict(_entries((environment / "pyvenv.cfg").read_text()))
    executable = (environment / "bin" / "python").readlink()
    if not executable.is_absolute():  # `python` may be a link to `python3`, and that to the interpreter
        executable = Path(os.path.realpath(environment / "bin" / "python"))
    home = Path(entries["home"])
    prefixes = {home.parent, Path(os.path.realpath(executable)).parent.parent}
    return Interpreter(
        executable=executable,
        home=home,
        version=entries.get("version") or entries.get("version_info", ""),
        prefixes=tuple(sorted(prefixes)),
        packages=find_packages(environment),
        environment=environment,
    )


def find_packages(environment: Path) -> Path:
    """The environment's site-packages."""
    for folder in environment.glob("lib/python3*/site-packages"):
        return folder
    raise FileNotFoundError(f"{environment} has no site-packages")


def make_overlay(
    target: Path, interpreter: Interpreter, front: Path | None = None, toolkit: Path | None = None
) -> None:
    """Make (or complete) the thin environment in `target`. Packages of `front`, an environment or a layer, come
    before those of the interpreter's, the folder `toolkit` behind them."""
    programs = target / "bin"
    packages = target / "lib" / interpreter.packages.parent.name / "site-packages"
    programs.mkdir(parents=True, exist_ok=True)
    packages.mkdir(parents=True, exist_ok=True)
    for name, aim in {
        "python": str(interpreter.executable),
        "python3": "python",
        interpreter.packages.parent.name: "python",
    }.items():
        if not (programs / name).is_symlink():
            (programs / name).symlink_to(aim)
    has_torch = (interpreter.packages / "torch").exists()
    for name, module in {**_PROGRAMS, **(_TORCH_PROGRAMS if has_torch else {})}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "$(dirname "$0")/python" -m {module} "$@"\n')
        (programs / name).chmod(0o755)
    lines = [_search(interpreter.packages, isolation.BWRAP_ENVIRONMENT, interpreter.environment)]
    if front:
        first = find_packages(front)
        _link_programs(first / "bin", programs)
        lines.insert(0, _search(first, isolation.BWRAP_FRONT, front))
    if toolkit:
        lines.append(_search(toolkit, isolation.BWRAP_TOOLKIT, toolkit))
    (packages / "_shared_environment.pth").write_text("".join(lines))
    (target / "pyvenv.cfg").write_text(
        f"home = {interpreter.home}\ninclude-system-site-packages = false\nversion = {interpreter.version}\n"
    )


def _search(folder: Path, place: str, root: Path) -> str:
    """A line that adds the folder to the module search path: at `place`, where `root` is there as well."""
    here, seen = str(folder), str(Path(place, folder.relative_to(root)))
    there = f"os.path.exists({seen!r}) and os.path.samefile({seen!r}, {here!r})"
    return f"import os, site; site.addsitedir({seen!r} if {there} else {here!r})\n"


def _link_programs(folder: Path, programs: Path) -> None:
    """Those of a layer (see `layers`) lie among its packages; none takes the place of what is there."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_file() and not os.path.lexists(programs / path.name):
            (programs / path.name).symlink_to(path)


def _entries(text: str) -> list[tuple[str, str]]:
    pairs = (line.partition("=") for line in text.splitlines())
    return [(name.strip(), value.strip()) for name, separator, value in pairs if separator]
