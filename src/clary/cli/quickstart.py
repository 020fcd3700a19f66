"""`clary quickstart`: tours on real data, against a running server or one of its own.

The tours themselves (clary/examples) are ordinary client programs; they run in an environment of their own with the
SageMaker SDK. Here they are started, watched and timed.
"""

from __future__ import annotations

import enum
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from clary import examples
from clary.base.settings import Settings, load_settings
from clary.cli.init import write_project
from clary.cli.options import DataOption
from clary.cli.running import await_server, find_server, need_server
from clary.cli.shell import client_environment
from clary.cli.steps import follow, timed
from clary.runtimes.environments import Environments

_EXAMPLES = Path(examples.__file__).parent
TRAIN = _EXAMPLES / "quickstart" / "tour.py"
RELEASE = _EXAMPLES / "release_tour" / "tour.py"
_PICTURE_WIDTH = 100
_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


class Tour(enum.StrEnum):
    """What is to be shown."""

    ALL = "all"
    TRAIN = "train"
    RELEASE = "release"


def quickstart(
    tour: Annotated[
        Tour, typer.Argument(help="train: train, deploy, ask. release: new data in, approved model out.")
    ] = Tour.ALL,
    data: DataOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Use a new data folder and free ports.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the endpoint, and the server, running.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Save the screen as SVG.", hidden=True)] = None,
) -> None:
    """Train, deploy and ask a model on real data; then the release loop; then delete everything."""
    console = Console(record=picture is not None, width=_PICTURE_WIDTH if picture else None)
    settings = load_settings(data=data)
    console.print("[bold]Clary[/]: your SageMaker code, unchanged, on your own machine\n")
    started = time.perf_counter()
    python = _prepare(console, settings)
    with _server(console, settings, fresh=fresh, keep=keep) as running:
        code = _run_tours(console, running, python, tour, keep=keep)
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
        with timed(console, title) as step:
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
        with timed(console, "Start Clary") as step:
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


def _run_tours(console: Console, settings: Settings, python: Path, tour: Tour, *, keep: bool) -> int:
    kept = ["--keep"] if keep else []
    code = 0
    if tour in {Tour.ALL, Tour.TRAIN}:
        console.print("\n[bold]Train, deploy, ask[/]")
        code = _run_tour(console, settings, [str(python), "-W", "ignore", str(TRAIN), *kept])
    if code == 0 and tour in {Tour.ALL, Tour.RELEASE}:
        console.print("\n[bold]New data in, approved model out[/]")
        with tempfile.TemporaryDirectory(prefix="clary-project-") as folder:
            with timed(console, "Write a project: clary init release") as step:
                write_project(settings, Path(folder) / "release", "release")
                step.note = "pipelines, deploy function, rules and data"
            project = str(Path(folder) / "release")
            code = _run_tour(console, settings, [str(python), "-W", "ignore", str(RELEASE), project, *kept])
    return code


def _run_tour(console: Console, settings: Settings, command: list[str]) -> int:
    """Run a client program and show its steps with their times."""
    # The SDK takes seconds to compile: its bytecode is kept, also where the shell asks for none.
    environment = {**client_environment(settings), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": ""}
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process:
            follow(console, process)
        complaints.seek(0)
        errors = complaints.read()
    if process.returncode != 0:
        console.print("[red]the tour failed[/]; its last words:")
        console.print(errors[-4000:], markup=False, highlight=False)
        console.print(f"Clary's own logs are in {settings.layout.logs}")
    return process.returncode


def _how_to_go_on(console: Console, settings: Settings, *, keep: bool, fresh: bool) -> None:
    data = f" --data {settings.data}" if fresh else ""
    activate = Path(sys.prefix) / "bin" / "activate"
    lines = []
    if "VIRTUAL_ENV" not in os.environ and activate.exists():
        lines.append(f"In each shell first:  source {_shown(activate)}")
    if keep:
        lines.append(f'It keeps running. Point a shell at it:  eval "$(clary env{data})"')
        lines.append(f"See what it does:  clary status{data}")
        lines.append(f"Stop it and everything it runs:  kill -INT {need_server(settings).pid}")
    else:
        lines.append('Go on:  clary serve   and in another shell   eval "$(clary env)"')
    lines.append("A project of your own:  clary init my-project --csv my.csv --target column")
    lines.append(f"The client programs you have just seen:  {_shown(_EXAMPLES)}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _shown(path: Path) -> Path:
    """Relative when it lies below the working folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
