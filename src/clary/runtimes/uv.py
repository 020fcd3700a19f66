"""Runs uv, the installer, and ends it when the server ends. Which packages go where is not decided here.

`environments` calls this.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from clary.runtimes import package_sources
from clary.runtimes.errors import EnvironmentBuildError

_BUILD_SECONDS = 1800
_LAST_LINES = 12


class Uv:
    """All runs of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def run(self, name: str, folder: Path, held: int, *arguments: str) -> None:
        """`name` is what is built, for the text of EnvironmentBuildError. `held` is a descriptor of the builder's
        lock. uv gets a copy: should this process die, the lock lasts as long as uv still writes to the folder."""
        try:
            code, said = self._run(folder, held, arguments)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentBuildError(f"The environment {name} could not be built: {error}") from error
        if code != 0:
            lines = said.decode(errors="replace").strip().splitlines()
            text = " ".join(line.strip() for line in lines[-_LAST_LINES:])
            raise EnvironmentBuildError(
                f"The environment {name} could not be built; uv {arguments[0]} said: {text}", text
            )

    def close(self) -> None:
        """End all that run, and begin none any more."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            process.kill()

    def _run(self, folder: Path, held: int, arguments: tuple[str, ...]) -> tuple[int, bytes]:
        with self._start(folder, held, arguments) as process:
            try:
                _, said = process.communicate(timeout=_BUILD_SECONDS)
            finally:
                process.kill()  # does nothing to one that has ended
                with self._lock:
                    self._running.discard(process)
        return process.returncode, said

    def _start(self, folder: Path, held: int, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        """Under the lock, so that none begins after `close` has looked."""
        environment = {**os.environ, **package_sources.uv_variables()}
        environment.pop("VIRTUAL_ENV", None)
        with self._lock:
            if self._closed:
                raise EnvironmentBuildError("Clary is ending, nothing is built any more.")
            process = subprocess.Popen(
                [sys.executable, "-m", "uv", *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(held,),
            )
            self._running.add(process)
        return process
