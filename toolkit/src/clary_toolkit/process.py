"""`python -m clary_toolkit process PROGRAM ARGUMENTS...`: start a program that brings its own behaviour.

Processing jobs, and training jobs with an entry point of their own, are just programs. All they need from the
toolkit is a pip that works although the environment is read-only; then this process *becomes* the program, so
signals and the exit code are the program's own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from clary_toolkit.packages import new_overlay
from clary_toolkit.pip import pip_variables

NOT_FOUND = 127
NOT_EXECUTABLE = 126


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print("clary-toolkit: the request names no program to run", file=sys.stderr)
        return NOT_FOUND
    overlay = new_overlay()
    variables = overlay.variables(pip_variables(overlay, dict(os.environ)))
    variables.setdefault("PYTHONUNBUFFERED", "1")
    os.environ["PATH"] = variables["PATH"]
    try:
        os.execvpe(arguments[0], list(arguments), variables)  # noqa: S606 - no shell: this is the request's program
    except FileNotFoundError:
        print(f"clary-toolkit: program {arguments[0]!r} does not exist", file=sys.stderr)
        return NOT_FOUND
    except OSError as error:
        print(f"clary-toolkit: program {arguments[0]!r} cannot be started: {error.strerror}", file=sys.stderr)
        return NOT_EXECUTABLE
