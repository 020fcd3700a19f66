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

from clary.base.settings import Settings, load_settings
from clary.cli.options import DataOption
from clary.cli.running import find_server
from clary.runtimes.collecting import find_environments
from clary.runtimes.isolation import choose_isolation

_ENOUGH_DISK = 5 * 1024**3
_IDLE_DAYS = 30


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
    folder = settings.data
    while not folder.exists():
        folder = folder.parent
    writable = os.access(folder, os.W_OK)
    return Finding(writable, f"data folder {settings.data}", "" if writable else f"{folder} is not writable by you.")


def _disk(settings: Settings) -> Finding:
    folder = settings.data
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    good = True if free > _ENOUGH_DISK else None
    return Finding(
        good, f"{free / 1024**3:.0f} GiB free below {folder}", "" if good else "Environments need some GiB."
    )


def _memory(_settings: Settings) -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Finding(True, f"{os.cpu_count()} cores, {total / 1024**3:.0f} GiB of memory")


def _environments(settings: Settings) -> Finding:
    found = find_environments(settings.environments)
    idle = [one for one in found if not one.in_use and (datetime.now(UTC) - one.used_at).days >= _IDLE_DAYS]
    advice = f"{len(idle)} unused for {_IDLE_DAYS} days: `clary environments prune` removes them." if idle else ""
    return Finding(None if idle else True, f"{len(found)} environments below {settings.environments}", advice)


def _server(settings: Settings) -> Finding:
    server = find_server(settings)
    if server is not None:
        return Finding(True, f"server runs at {server.http_url}")
    busy = [port for port in (settings.port, settings.https_port) if port and _taken(settings.host, port)]
    if busy:
        return Finding(None, f"port {busy[0]} is taken", "Use `clary serve --port N --https-port N` (0 = any).")
    return Finding(True, "server does not run; its ports are free")


def _private(settings: Settings) -> Finding:
    path: Path = settings.layout.installation
    if not path.exists():
        return Finding(True, "no installation yet; the first start makes credentials")
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
