"""The serve command: settings, the user's code, one worker or several, and the reason when it cannot be."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from clary_toolkit.errors import ToolkitError
from clary_toolkit.outcome import write_failure
from clary_toolkit.serving.loading import prepare_code
from clary_toolkit.serving.settings import Settings, limit_threads
from clary_toolkit.serving.worker import run_worker
from clary_toolkit.serving.workers import Workers, bind


def main(arguments: Sequence[str]) -> int:
    _write_lines_at_once()
    return _with_reason(_serve)


def _serve() -> int:
    settings = Settings.from_variables(os.environ)
    limit_threads(settings.workers)
    listener = bind(settings)
    code = prepare_code(settings)
    if settings.workers == 1:
        run_worker(settings, code, listener, settings.socket)
        return 0

    def work() -> int:
        run_worker(settings, code, listener, None)
        return 0

    return Workers(settings.workers, lambda: _with_reason(work), settings.socket).run()


def _with_reason(step: Callable[[], int]) -> int:
    """The step's exit code; a failure's cause is the last line of the log and the failure file."""
    try:
        return step()
    except ToolkitError as error:
        if error.details:
            print(error.details)
        print(f"clary-toolkit: the model server could not start: {error.message}", flush=True)
        write_failure(Settings.from_variables(os.environ).layout.failure, error)
        return error.exit_code


def _write_lines_at_once() -> None:
    """The log shows what user code prints when it prints it, and both streams in their order."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)
