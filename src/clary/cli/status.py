"""`clary status`: does it run, where, and what is it doing."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from clary.base.installation import load_installation
from clary.base.settings import Settings, load_settings
from clary.cli.client import client
from clary.cli.jobs import JOB_KINDS, recent
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
        console.print(f"[red]not running[/] on {settings.data}; start it with [bold]clary serve[/]")
        raise typer.Exit(1)
    since = datetime.fromtimestamp(server.started, UTC)
    console.print(f"[green]running[/] since {since:%Y-%m-%d %H:%M:%S} UTC, process {server.pid}")
    console.print(f"  {server.http_url}   {server.https_url}   account {installation.account} {installation.region}")
    console.print("  " + "   ".join(f"{name} {pid}" for name, pid in sorted(server.children.items())))
    console.print(_work(settings))


def _work(settings: Settings) -> Table:
    sagemaker = client(settings, "sagemaker")
    table = Table("kind", "name", "status", "age", box=None, header_style="bold")
    table.columns[1].overflow = "fold"
    for page in sagemaker.get_paginator("list_endpoints").paginate():
        for row in page["Endpoints"]:
            _add(table, "endpoint", row["EndpointName"], row["EndpointStatus"], row["CreationTime"])
    for kind in JOB_KINDS:
        for job in recent(sagemaker, kind, _NEWEST):
            _add(table, job.kind, job.name, job.status, job.created)
    for page in sagemaker.get_paginator("list_pipelines").paginate():
        for row in page["PipelineSummaries"]:
            _add_newest_run(table, sagemaker, row["PipelineName"])
    if not table.rows:
        table.add_row("nothing has run yet", "", "", "")
    return table


def _add_newest_run(table: Table, sagemaker: Any, pipeline: str) -> None:
    runs = sagemaker.list_pipeline_executions(PipelineName=pipeline, MaxResults=1)["PipelineExecutionSummaries"]
    for run in runs:
        _add(table, "pipeline", pipeline, run["PipelineExecutionStatus"], run["StartTime"])


def _add(table: Table, kind: str, name: str, state: str, created: datetime) -> None:
    age = str(datetime.now(UTC) - created).split(".")[0]
    table.add_row(kind, name, f"[{_COLOURS.get(state, 'default')}]{state}[/]", age)
