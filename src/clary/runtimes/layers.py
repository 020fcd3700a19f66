"""Packages of requirements.txt, installed once for all jobs and model servers that ask for the same.

A job installs what its requirements.txt lists by itself, each time anew. Here the same is done aside, so that the
next job finds it: a *layer* is a folder of packages, named by the environment that it is for and by exactly what is
in it, and put between that environment and the unit's own thin one. Jobs see it read-only and have no part in making
it: uv, started by Clary, takes wheels from the sources that a job's own pip would ask, and nothing of a wheel is ever
run. So all that a job can do to another one's layer is to ask for the same text (`requirements` says which count).

`find` never waits and never fails: whatever cannot be had here, the job installs itself as if there were no layers.
The engine calls it; `collecting` takes layers away.
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
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from clary.base import durable
from clary.base.clock import Clock, from_epoch_ms, to_epoch_ms
from clary.base.crash import crash_here
from clary.base.log import get_logger
from clary.runtimes import overlay, package_sources, shared_folders

log = get_logger(__name__)

_FORMAT = "1"
ANSWERS = "requirements"
_SECONDS = 600
_LOOK_SECONDS = 1.0
_MOST_WAITING = 20
_FREE_BYTES = 5 * 1024**3
# An index gets new versions: after a day it is asked again, aside, and after a week its old answer counts no more.
_ASKED_AGAIN = timedelta(days=1)
_KEPT = timedelta(days=7)
_REFUSED_FOR = timedelta(hours=1)
_NICE = 5
_LAST_SECONDS = 5.0
_LABEL = 150
_PINNED = re.compile(r"^ \+ (\S+==\S+)$", re.MULTILINE)
_ANY_CHANGE = re.compile(r"^ [+~] \S+", re.MULTILINE)
# How uv and pip begin programs: the interpreter's path, or a shell's way around one that is too long.
_FIRST_LINES = re.compile(rb"\A#!(?:/bin/sh\n'''exec' .*\n' '''|.*)\n")
_FIRST_BYTES = 4096
_PROGRAM = b"#!/usr/bin/env python\n"
# What uv is given of the server's own variables.
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_KEPT_VARIABLES = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", *_PROXIES, *map(str.lower, _PROXIES))
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


@dataclass(frozen=True, slots=True)
class Layer:
    """`path` is None where the environment has everything already. `packages` are pins; `asked_at` is their age."""

    path: Path | None
    packages: tuple[str, ...]
    asked_at: datetime


class _Failed(Exception):
    """uv did not do it; the job's own installer will tell why."""


class Layers:
    """All layers below one folder, which installations may share. One thread makes them, one after the other."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder.absolute()
        self._clock = clock
        self._sources, self._options = sources(os.environ)
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Path, str]] = {}
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def find(self, environment: Path, requirements: str) -> Layer | None:
        """The layer for these lines on top of this environment. None while there is none: it is made from now on."""
        name = self._digest(environment.name, requirements)
        answer = _read(self._answer(name))
        age = self._clock.now() - from_epoch_ms(answer["at"]) if answer else None
        if answer is None or age is None or age > (_REFUSED_FOR if answer["packages"] is None else _ASKED_AGAIN):
            self._ask(name, environment, requirements)
        if answer is None or age is None or answer["packages"] is None or age > _KEPT:
            return None
        packages, asked_at = tuple(answer["packages"]), from_epoch_ms(answer["at"])
        if not packages:
            return Layer(None, packages, asked_at)
        path = self._path(environment, packages)
        if shared_folders.is_ready(path):
            return Layer(path, packages, asked_at)
        self._ask(name, environment, requirements)
        return None

    def close(self) -> None:
        """Make nothing more. What is half done is made again when somebody asks for it."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            if self._process is not None:
                self._process.kill()
            thread = self._thread
        if thread is not None:
            thread.join(_LAST_SECONDS)  # it may wait for another server's lock

    # -- making ------------------------------------------------------------------------------------------------

    def _ask(self, name: str, environment: Path, requirements: str) -> None:
        with self._lock:
            if self._closed or len(self._waiting) >= _MOST_WAITING:
                return
            self._waiting[name] = (environment, requirements)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="layers", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                name = next(iter(self._waiting), None)
                if name is None:
                    self._thread = None
                    return
                environment, requirements = self._waiting[name]
            try:
                self._make(name, environment, requirements)
            except OSError as error:
                log.warning("packages could not be installed ahead", extra={"reason": str(error)})
            with self._lock:
                self._waiting.pop(name, None)

    def _make(self, name: str, environment: Path, requirements: str) -> None:
        """Nothing when the disk is about to be full."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._is_full():
            log.warning("no packages are installed ahead: the disk is nearly full", extra={"path": str(self._folder)})
            return
        (self._folder / ANSWERS).mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="work-", dir=self._folder / ANSWERS) as name_of_work:
            work = Path(name_of_work)
            try:
                packages = self._resolve(work, environment, requirements)
                if packages:
                    self._build(work, environment, packages)
            except _Failed as error:
                log.info("packages are left to the jobs", extra={"reason": str(error)})
                packages = None
        if not self._closed:  # then uv was killed, which says nothing of the packages
            at = to_epoch_ms(self._clock.now())
            durable.write_json(self._answer(name), {"at": at, "packages": packages})

    def _resolve(self, work: Path, environment: Path, requirements: str) -> list[str]:
        """What the installer would put into the environment: pins."""
        (work / "in.txt").write_text(requirements)
        said = self._uv(work, (), environment, "--dry-run", "--requirements=in.txt")
        pins = _PINNED.findall(said)
        if len(pins) != len(_ANY_CHANGE.findall(said)):
            raise _Failed("something among them has no version of an index")
        return sorted(pins)

    def _build(self, work: Path, environment: Path, packages: Sequence[str]) -> None:
        path = self._path(environment, packages)
        (work / "pins.txt").write_text("\n".join(packages))
        with shared_folders.alone(path) as held:
            if (path / shared_folders.READY).exists():
                return
            shutil.rmtree(path, ignore_errors=True)
            target = path / overlay.find_packages(environment).relative_to(environment)
            target.mkdir(parents=True)
            try:
                options = ("--no-deps", "--compile-bytecode", "--link-mode=hardlink", "--requirements=pins.txt")
                self._uv(work, (held,), environment, f"--target={target}", *options)
                _free_programs(target / "bin")
                crash_here("layers.after_install")
                shared_folders.mark_ready(path, _label(packages))
            except (_Failed, OSError):
                shutil.rmtree(path, ignore_errors=True)
                raise

    def _uv(self, work: Path, held: Sequence[int], environment: Path, *options: str) -> str:
        """What it said. Only wheels are taken: to find out about others, code of theirs would have to run here.

        uv gets a copy of the lock `held`: should this process die, the lock lasts as long as uv writes."""
        command = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--no-config",
            "--only-binary=:all:",
            "--no-progress",
        ]
        command += [
            "--color=never",
            *self._options,
            f"--cache-dir={work / 'cache'}",
            f"--python={environment / 'bin' / 'python'}",
        ]
        with self._lock:
            if self._closed:
                raise _Failed("the server ends")
            process = self._process = subprocess.Popen(
                [*command, *options],
                cwd=work,
                env={**_kept_variables(os.environ), **self._sources, "HOME": str(work)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                pass_fds=held,
            )
        with process:
            try:
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
                said = self._wait(process)
            finally:
                process.kill()  # does nothing to one that has ended
                with self._lock:
                    self._process = None
        if process.returncode != 0:
            raise _Failed(" ".join(said.split())[-1000:])
        return said

    def _wait(self, process: subprocess.Popen[str]) -> str:
        """What it said. A wheel may be far larger than what is loaded of it, and belongs to no job's volume."""
        for _ in range(_SECONDS):
            try:
                return process.communicate(timeout=_LOOK_SECONDS)[1]
            except subprocess.TimeoutExpired:
                if self._is_full():
                    raise _Failed("the disk is nearly full") from None
        raise _Failed(f"more than {_SECONDS} s")

    def _is_full(self) -> bool:
        return shutil.disk_usage(self._folder).free < _FREE_BYTES

    # -- names -------------------------------------------------------------------------------------------------

    def _answer(self, name: str) -> Path:
        return self._folder / ANSWERS / f"{name}.json"

    def _path(self, environment: Path, packages: Sequence[str]) -> Path:
        return self._folder / f"{ANSWERS}-{self._digest(environment.name, *packages)}"

    def _digest(self, *parts: str) -> str:
        """Another source of packages may have others under the same names."""
        digest = hashlib.sha256()
        for part in (_FORMAT, json.dumps([self._sources, self._options], sort_keys=True), *parts):
            digest.update(part.encode() + b"\0")
        return digest.hexdigest()[:32]


def _label(packages: Sequence[str]) -> str:
    text = f"requirements.txt: {', '.join(packages)}"
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 3]}..."


def sources(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Variables and options with which uv asks what pip asks in a job, without the server's passwords."""
    inside = {"PIP_CONFIG_FILE": os.devnull, **package_sources.job_variables(environment)}
    variables = {**package_sources.uv_variables(inside), "NETRC": os.devnull}
    if "PIP_TRUSTED_HOST" in inside:
        variables["UV_INSECURE_HOST"] = inside["PIP_TRUSTED_HOST"]
    return variables, ["--no-index"] if inside.get("PIP_NO_INDEX", "0").lower() in _TRUE else []


def _kept_variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in _KEPT_VARIABLES if environment.get(name)}


def _free_programs(folder: Path) -> None:
    """Programs are to run in the environment of the unit that calls them."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            found = _FIRST_LINES.match(file.read(_FIRST_BYTES))
        if found is not None and b"python" in found[0]:
            content, mode = path.read_bytes(), path.stat().st_mode
            path.unlink()  # other folders may share the file
            path.write_bytes(_PROGRAM + content[found.end() :])
            path.chmod(mode)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        answer: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return answer
