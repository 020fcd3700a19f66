"""`clary doctor`: look at the machine and the installation, and say what to do about what is missing."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from uv import find_uv_bin

from clary.base.data_folder import refuse_foreign, refuse_half
from clary.base.errors import ConfigurationError
from clary.base.installation import load_installation
from clary.base.settings import Settings, load_settings
from clary.cli.options import DataOption
from clary.cli.running import find_server
from clary.runtimes.collecting import find_environments
from clary.runtimes.isolation import choose_isolation
from clary.supervisor.server_file import is_ready

_ENOUGH_DISK = 5 * 1024**3
_LEAST_DISK = 256 * 1024**2
_IDLE_DAYS = 30
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """`good` None means: works, but could be better."""

    good: bool | None
    text: str
    advice: str = ""


def doctor(data: DataOption = None) -> None:
    """Check the machine and the installation. Exit status 1 when something does not work."""
    settings = load_settings(data=data)
    console = Console()
    findings = [check(settings) for check in CHECKS]
    for finding in findings:
        mark = {True: "[green]ok  [/]", False: "[red]bad [/]", None: "[yellow]fair[/]"}[finding.good]
        console.print(f"{mark} {finding.text}")
        if finding.advice:
            console.print(f"     [dim]{finding.advice}[/]")
    raise typer.Exit(1 if any(finding.good is False for finding in findings) else 0)


def _python(_settings: Settings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(sys.version_info >= (3, 11), f"Python {version} on {sys.platform}")


def _uv(_settings: Settings) -> Finding:
    try:
        return Finding(True, f"uv builds job environments: {find_uv_bin()}")
    except FileNotFoundError:
        return Finding(False, "uv is missing", "Install Clary's dependencies again; uv is one of them.")


def _isolation(settings: Settings) -> Finding:
    chosen = choose_isolation(settings.isolation).kind
    advice = {
        "bwrap": "",
        "namespace": "Install bubblewrap for stronger isolation (Debian and Ubuntu: apt install bubblewrap).",
        "plain": "Jobs see the whole machine and /opt/ml is missing; install bubblewrap.",
    }[chosen]
    return Finding(True if chosen == "bwrap" else None, f"jobs are isolated by: {chosen}", advice)


def _folder(settings: Settings) -> Finding:
    advice = _hindrance(settings.data)
    try:
        refuse_foreign(settings.layout)
        refuse_half(settings.layout)
    except ConfigurationError as error:
        advice = advice or str(error)
    return Finding(not advice, f"data folder {settings.data}", advice)


def _hindrance(folder: Path) -> str:
    """What keeps files from being made in a folder, or a folder of that name."""
    there = _nearest(folder)
    if not there.is_dir():
        return f"{there} is not a folder."
    return "" if os.access(there, os.W_OK) else f"{there} is not writable by you."


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there (for who may not look: that is not)."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if os.access(path, os.F_OK))


def _disk(settings: Settings) -> Finding:
    folder = _nearest(settings.data)
    free = shutil.disk_usage(folder).free
    if free < _LEAST_DISK:
        return Finding(False, f"{free / 1024**2:.0f} MiB free below {folder}", "Nothing can be stored for long.")
    good = True if free > _ENOUGH_DISK else None
    return Finding(
        good, f"{free / 1024**3:.0f} GiB free below {folder}", "" if good else "Environments need some GiB."
    )


def _memory(_settings: Settings) -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Finding(True, f"{os.cpu_count()} cores, {total / 1024**3:.0f} GiB of memory")


def _environments(settings: Settings) -> Finding:
    hindrance = _hindrance(settings.environments)
    if hindrance:
        return Finding(False, f"environments below {settings.environments}", hindrance)
    found = find_environments(settings.environments)
    idle = [one for one in found if not one.in_use and (datetime.now(UTC) - one.used_at).days >= _IDLE_DAYS]
    advice = f"{len(idle)} unused for {_IDLE_DAYS} days: `clary environments prune` removes them." if idle else ""
    return Finding(None if idle else True, f"{len(found)} environments below {settings.environments}", advice)


def _server(settings: Settings) -> Finding:
    try:
        server = find_server(settings)
    except ConfigurationError as error:
        return Finding(False, "server", str(error))
    if server is not None:
        ready = is_ready(server.http_url, _ANSWER_SECONDS)
        text = f"server runs at {server.http_url}" if ready else f"server at {server.http_url} does not answer"
        return Finding(ready, text, "" if ready else f"See {settings.layout.logs}.")
    busy = [port for port in (settings.port, settings.https_port) if port and _taken(settings.host, port)]
    if busy:
        return Finding(None, f"port {busy[0]} is taken", "Use `clary serve --port N --https-port N` (0 = any).")
    return Finding(True, "server does not run; its ports are free")


def _private(settings: Settings) -> Finding:
    path: Path = settings.layout.installation
    if not os.access(path, os.F_OK):
        return Finding(True, "no installation yet; the first start makes credentials")
    try:
        load_installation(settings)
    except ConfigurationError as error:
        return Finding(False, "credentials of the installation", str(error))
    private = path.stat().st_mode & 0o077 == 0
    return Finding(private, "credentials are readable by you only", "" if private else f"chmod 600 {path}")


def _taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _python,
    _uv,
    _isolation,
    _memory,
    _disk,
    _environments,
    _folder,
    _private,
    _server,
)
