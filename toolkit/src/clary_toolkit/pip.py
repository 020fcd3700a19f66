"""A `pip` for programs that install packages themselves, in an environment that is read-only.

Scripts call `pip install ...` or `python -m pip install ...` in the middle of a job. `pip_variables` puts a
stand-in for both in front of PATH and PYTHONPATH; it leads to `main` here, which installs into the job's
overlay. What has no meaning here (--user, --quiet ...) is accepted and ignored.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from clary_toolkit.child import Foreground
from clary_toolkit.errors import InstallError
from clary_toolkit.packages import Overlay, installer_command, new_overlay

FOLDER_VARIABLE = "CLARY_PACKAGES"
IGNORED = frozenset(
    {"-q", "-qq", "-qqq", "--quiet", "-v", "-vv", "--verbose", "--user", "--no-cache-dir", "-y", "--yes"}
    | {"--disable-pip-version-check", "--no-input", "--no-warn-script-location", "--no-warn-conflicts"}
    | {"--break-system-packages"}
)
IGNORED_WITH_VALUE = frozenset({"--root-user-action", "--progress-bar", "--timeout", "--retries", "--cache-dir"})

PROGRAM = """#!/bin/sh
exec '{python}' -m clary_toolkit pip "$@"
"""
MODULE = """\
import sys

from clary_toolkit.pip import main

sys.exit(main(sys.argv[1:]))
"""


def pip_variables(overlay: Overlay, variables: dict[str, str]) -> dict[str, str]:
    """`variables` under which `pip`, `pip3` and `python -m pip` install into the overlay."""
    tools = overlay.folder.parent / f"{overlay.folder.name}-tools"
    programs, module = tools / "bin", tools / "lib" / "pip"
    for folder in (overlay.folder, programs, module):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("pip", "pip3"):
        program = programs / name
        program.write_text(PROGRAM.format(python=sys.executable.replace("'", "'\\''")), encoding="utf-8")
        program.chmod(0o755)
    (module / "__init__.py").touch()
    (module / "__main__.py").write_text(MODULE, encoding="utf-8")
    return {
        **variables,
        FOLDER_VARIABLE: str(overlay.folder),
        "PATH": _in_front(programs, variables.get("PATH")),
        "PYTHONPATH": _in_front(tools / "lib", variables.get("PYTHONPATH")),
    }


def main(arguments: Sequence[str]) -> int:
    words = _understood(arguments)
    command = next((word for word in words if not word.startswith("-")), "")
    if command == "install":
        return _install([word for word in words if word != "install"])
    if command == "uninstall":
        return _uninstall([word for word in words if not word.startswith("-")][1:])
    if not command:
        print("pip of clary-toolkit: install, uninstall, list, freeze, show, check")
        return 0
    return subprocess.run(installer_command(words), check=False).returncode


def _install(what: Sequence[str]) -> int:
    foreground = Foreground()
    foreground.take_signals()
    overlay = _overlay()
    try:
        overlay.install(what, foreground, Path.cwd())
    except InstallError as error:
        print(f"ERROR: {error.message}", file=sys.stderr)
        return 1
    return 0


def _uninstall(names: Sequence[str]) -> int:
    """From the overlay only; a package of the environment itself stays, which harms nobody."""
    target = ["--target", str(_overlay().folder)]
    return subprocess.run(installer_command(["uninstall", *target, *names]), check=False).returncode


def _overlay() -> Overlay:
    folder = os.environ.get(FOLDER_VARIABLE)
    return Overlay(Path(folder)) if folder else new_overlay()


def _understood(arguments: Sequence[str]) -> list[str]:
    """The arguments without those that mean nothing here."""
    kept: list[str] = []
    rest = iter(arguments)
    for word in rest:
        name = word.split("=", 1)[0]
        if name in IGNORED_WITH_VALUE:
            if name == word:
                next(rest, None)
        elif name not in IGNORED:
            kept.append(word)
    return kept


def _in_front(folder: Path, rest: str | None) -> str:
    return f"{folder}{os.pathsep}{rest}" if rest else str(folder)
