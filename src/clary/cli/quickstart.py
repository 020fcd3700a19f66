"""`clary quickstart`: the tour on real data, against a running server or one of its own.

The tour itself (clary/examples/quickstart/tour.py) is an ordinary client program; it runs in an environment of its
own with the SageMaker SDK. Here it is started, watched and timed.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from clary import examples
from clary.base.settings import Settings, load_settings
from clary.cli.options import DataOption
from clary.cli.running import await_server, find_server, need_server
from clary.cli.shell import client_environment
from clary.runtimes.environments import Environments

TOUR = Path(examples.__file__).parent / "quickstart" / "tour.py"
_PICTURE_WIDTH = 100
_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def quickstart(
    data: DataOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Use a new data folder and free ports.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the endpoint, and the server, running.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Save the screen as SVG.", hidden=True)] = None,
) -> None:
    """Train, deploy and ask a model on real data; then delete everything."""
    console = Console(record=picture is not None, width=_PICTURE_WIDTH if picture else None)
    settings = load_settings(data=data)
    console.print("[bold]Clary[/]: your SageMaker code, unchanged, on your own machine\n")
    started = time.perf_counter()
    python = _prepare(console, settings)
    with _server(console, settings, fresh=fresh, keep=keep) as running:
        code = _run_tour(console, running, python, keep=keep)
        if code == 0:
            console.print(f"\n[green]done[/] in {time.perf_counter() - started:.1f} s", highlight=False)
            _how_to_go_on(console, running, keep=keep, fresh=fresh)
    if picture is not None:
        _save_picture(console, picture)
    raise typer.Exit(code)


def _save_picture(console: Console, picture: Path) -> None:
    """The screen as SVG, with the reader's own fixed-width font instead of one from the network."""
    drawing = console.export_svg(title="scripts/demo")
    picture.write_text(re.sub(r"@font-face \{.*?\}", "", drawing, flags=re.DOTALL))


def _prepare(console: Console, settings: Settings) -> Path:
    """Build (or find) the environments of the jobs and of the client."""
    environments = Environments(settings.environments)
    for title, build in (
        ("Environment of the jobs: scikit-learn", partial(environments.prepare, _IMAGE)),
        ("Environment of the client: SageMaker SDK", environments.prepare_client),
    ):
        with _timed(console, title) as step:
            built = build()
            step.note = f"{built.label}, Python {built.python}"
    return built.path / "bin" / "python"


@contextmanager
def _server(console: Console, settings: Settings, *, fresh: bool, keep: bool) -> Iterator[Settings]:
    """The running server, or one of our own: in a new folder (`fresh`), or because none runs."""
    if not fresh and find_server(settings) is not None:
        yield settings
        return
    if fresh:
        folder = Path(tempfile.mkdtemp(prefix="clary-demo-"))
        settings = replace(settings, data=folder, port=0, https_port=0)
    process = _start(settings)
    started = False
    try:
        with _timed(console, "Start Clary") as step:
            step.note = await_server(settings, 60).http_url
        started = True
        yield settings
    finally:
        if not started:
            _show_log(console, settings.layout.logs / "control.log")
        if not (keep and started):
            _stop(process)
            if fresh:
                shutil.rmtree(settings.data, ignore_errors=True)


def _show_log(console: Console, log: Path) -> None:
    """The end of a log, before the folder it lies in is removed."""
    if log.exists():
        console.print(log.read_text(errors="replace")[-3000:], markup=False, highlight=False)


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "clary.cli", "serve"],
        env={**os.environ, **settings.to_environment()},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _run_tour(console: Console, settings: Settings, python: Path, *, keep: bool) -> int:
    """Run the client program and show its steps with their times."""
    command = [str(python), "-W", "ignore", str(TOUR), *(["--keep"] if keep else [])]
    environment = {**client_environment(settings), "PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process:
            _follow(console, process)
        complaints.seek(0)
        errors = complaints.read()
    if process.returncode != 0:
        console.print(f"[red]the tour failed[/]; its last words:\n{errors[-4000:]}")
        console.print(f"Clary's own logs are in {settings.layout.logs}")
    return process.returncode


def _follow(console: Console, process: subprocess.Popen[str]) -> None:
    title, begun = "", time.perf_counter()
    details: list[str] = []
    with Status("", console=console) as spinner:
        for line in process.stdout or ():
            text = line.rstrip().lstrip(".!")  # the SDK draws its own progress in front of the next line
            if text.startswith("==> "):
                title, begun = text[4:], time.perf_counter()
                spinner.update(title)
            elif text.startswith("  = "):
                _print_step(console, title, time.perf_counter() - begun, text[4:], details)
                details = []
            elif text.startswith("    "):
                details.append(text.strip())


def _print_step(console: Console, title: str, seconds: float, note: str, details: Sequence[str] = ()) -> None:
    console.print(f"[green]✓[/] [cyan]{seconds:5.1f} s[/]  {title}", highlight=False)
    for line in (*details, note):
        if line:
            console.print(f"           [dim]{escape(line)}[/]", highlight=False)


class _Step:
    note = ""


@contextmanager
def _timed(console: Console, title: str) -> Iterator[_Step]:
    step, begun = _Step(), time.perf_counter()
    with Status(title, console=console):
        yield step
    _print_step(console, title, time.perf_counter() - begun, step.note)


def _how_to_go_on(console: Console, settings: Settings, *, keep: bool, fresh: bool) -> None:
    data = f" --data {settings.data}" if fresh else ""
    if keep:
        console.print(f'It keeps running. Point a shell at it:  eval "$(clary env{data})"')
        console.print(f"See what it does:  clary status{data}")
        console.print(f"Stop it and everything it runs:  kill -INT {need_server(settings).pid}")
    else:
        console.print('Go on:  clary serve   and in another shell   eval "$(clary env)"')
    console.print(f"The client program you have just seen:  {_shown(TOUR)}", highlight=False)


def _shown(path: Path) -> Path:
    """Relative when it lies below the working folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
