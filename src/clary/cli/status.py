"""`clary status`: does it run, where, and what is it doing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from clary.base.installation import load_installation
from clary.base.settings import load_settings
from clary.cli.client import client
from clary.cli.jobs import ENDPOINT, JOB_KINDS, Job, JobKind, look_at, recent
from clary.cli.options import DataOption
from clary.cli.running import find_server

_COLOURS = {
    "InService": "green",
    "Completed": "green",
    "Succeeded": "green",
    "Failed": "red",
    "InProgress": "yellow",
    "Executing": "yellow",
    "Creating": "yellow",
}
_NEWEST = 5
_PIPE_WIDTH = 400


def status(data: DataOption = None) -> None:
    """Show the server, its processes, the endpoints, the jobs that run and those that ended last."""
    settings = load_settings(data=data)
    # A pipe has no width of its own: lines are not to be broken there.
    console = Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)
    installation = load_installation(settings)
    server = find_server(settings)
    if server is None:
        way = escape(f"clary serve{settings.data_option}")
        console.print(f"[red]not running[/] on {escape(str(settings.data))}; start it with [bold]{way}[/]")
        raise typer.Exit(1)
    since = datetime.fromtimestamp(server.started, UTC)
    console.print(f"[green]running[/] since {since:%Y-%m-%d %H:%M:%S} UTC, process {server.pid}")
    console.print(f"  {server.http_url}   {server.https_url}   account {installation.account} {installation.region}")
    console.print("  " + "   ".join(f"{name} {pid}" for name, pid in sorted(server.children.items())))
    work = list(_work(client(settings, "sagemaker")))
    console.print(_table(work))
    show_failures(console, work)


def show_failures(console: Console, work: list[Job]) -> None:
    """Why things failed, a line each as far as the screen is wide; `clary logs NAME` tells all of it."""
    failed = [one for one in work if one.failure]
    if failed:
        console.print("\n[bold]why they failed[/]")
    for one in failed:
        line = "".join(sign for sign in " ".join(one.failure.split()) if sign.isprintable())
        console.print(Text(f"{one.kind} {one.name}: {line}"), no_wrap=True, overflow="ellipsis")


def _work(sagemaker: Any) -> Iterator[Job]:
    for page in sagemaker.get_paginator("list_endpoints").paginate():
        for row in page["Endpoints"]:
            found = Job(ENDPOINT.label, row["EndpointName"], row["EndpointStatus"], row["CreationTime"])
            yield _with_reason(sagemaker, ENDPOINT, found)
    for kind in JOB_KINDS:
        for job in recent(sagemaker, kind, _NEWEST):
            yield _with_reason(sagemaker, kind, job)
    for page in sagemaker.get_paginator("list_pipelines").paginate():
        for row in page["PipelineSummaries"]:
            yield from _newest_run(sagemaker, row["PipelineName"])


def _with_reason(sagemaker: Any, kind: JobKind, found: Job) -> Job:
    if found.failure or not found.status.endswith("Failed"):
        return found
    return look_at(sagemaker, kind, found.name) or found


def _newest_run(sagemaker: Any, pipeline: str) -> Iterator[Job]:
    runs = sagemaker.list_pipeline_executions(PipelineName=pipeline, MaxResults=1)["PipelineExecutionSummaries"]
    for run in runs:
        failure = run.get("PipelineExecutionFailureReason", "")
        yield Job("pipeline", pipeline, run["PipelineExecutionStatus"], run["StartTime"], failure)


def _table(work: list[Job]) -> Table:
    table = Table("kind", "name", "status", "age", box=None, header_style="bold")
    table.columns[1].overflow = "fold"
    for one in work:
        age = str(datetime.now(UTC) - one.created).split(".")[0]
        table.add_row(one.kind, one.name, f"[{_COLOURS.get(one.status, 'default')}]{one.status}[/]", age)
    if not work:
        table.add_row("nothing has run yet", "", "", "")
    return table
