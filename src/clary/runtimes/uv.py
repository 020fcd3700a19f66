"""Runs uv, the installer, and the compiler of bytecode, and ends them when the server ends.

Which packages go where is not decided here. `environments` calls this.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from clary.runtimes import package_sources
from clary.runtimes.bytecode import TESTS
from clary.runtimes.errors import EnvironmentBuildError

_BUILD_SECONDS = 1800
_LAST_LINES = 12
_ENDING = "Clary is ending, nothing is built any more."


class Uv:
    """All runs of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = threading.Event()

    def run(self, name: str, folder: Path, held: int, *arguments: str) -> None:
        """`name` is what is built, for the text of EnvironmentBuildError. `held` is a descriptor of the builder's
        lock. uv gets a copy: should this process die, the lock lasts as long as uv still writes to the folder."""
        try:
            code, said = self._run(folder, held, [sys.executable, "-m", "uv", *arguments])
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentBuildError(f"The environment {name} could not be built: {error}") from error
        if code != 0:
            lines = said.decode(errors="replace").strip().splitlines()
            text = " ".join(line.strip() for line in lines[-_LAST_LINES:])
            raise EnvironmentBuildError(
                f"The environment {name} could not be built; uv {arguments[0]} said: {text}", text
            )

    def compile(self, name: str, python: Path, held: int) -> None:
        """Bytecode of what is installed beside `python`, where there is none, with all processors. Not of packages'
        own tests. What does not compile stays as it is; packages bring files for other versions of Python."""
        for site in python.parent.parent.glob("lib/python*/site-packages"):
            shares = _shares(site, os.cpu_count() or 1)
            # Names, not paths: the folder of the environments may itself lie below one that is called `tests`.
            command = [str(python), "-I", "-m", "compileall", "-qq", "-p", str(site), "-x", TESTS]
            with ThreadPoolExecutor(len(shares) or 1) as threads:
                runs = [threads.submit(self._run, site, held, [*command, *share]) for share in shares]
            try:
                if any(run.result()[0] < 0 for run in runs):
                    raise EnvironmentBuildError(
                        f"The environment {name} could not be built: its compiler was killed."
                    )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise EnvironmentBuildError(f"The environment {name} could not be built: {error}") from error

    def pause(self, seconds: float) -> None:
        """Wait for what another process installs. EnvironmentBuildError as soon as this one ends."""
        if self._closed.wait(seconds):
            raise EnvironmentBuildError(_ENDING)

    def close(self) -> None:
        """End all that run, and begin none any more."""
        with self._lock:
            self._closed.set()
            running = list(self._running)
        for process in running:
            process.kill()

    def _run(self, folder: Path, held: int, command: list[str]) -> tuple[int, bytes]:
        with self._start(folder, held, command) as process:
            try:
                _, said = process.communicate(timeout=_BUILD_SECONDS)
            finally:
                process.kill()  # does nothing to one that has ended
                with self._lock:
                    self._running.discard(process)
        return process.returncode, said

    def _start(self, folder: Path, held: int, command: list[str]) -> subprocess.Popen[bytes]:
        """Under the lock, so that none begins after `close` has looked."""
        environment = {**os.environ, **package_sources.uv_variables()}
        environment.pop("VIRTUAL_ENV", None)
        with self._lock:
            if self._closed.is_set():
                raise EnvironmentBuildError(_ENDING)
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(held,),
            )
            self._running.add(process)
        return process


def _shares(site: Path, count: int) -> list[list[str]]:
    """What lies in the folder, in so many parts of about the same number of modules."""
    sizes = {path.name: sum(1 for _ in path.rglob("*.py")) for path in site.iterdir()}
    shares: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        min(shares, key=lambda share: sum(sizes[each] for each in share)).append(name)
    return [share for share in shares if share]
