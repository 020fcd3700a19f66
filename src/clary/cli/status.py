"""`clary status`: does it run, where, and what is it doing."""

from __future__ import annotations

from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.table import Table

from clary.base.installation import load_installation
from clary.base.settings import Settings, load_settings
from clary.cli.client import client
from clary.cli.options import DataOption
from clary.cli.running import find_server

_COLOURS = {"InService": "green", "Completed": "green", "Failed": "red", "InProgress": "yellow", "Creating": "yellow"}


def status(data: DataOption = None) -> None:
    """Show the server, its processes, the endpoints and the jobs that are running."""
    settings = load_settings(data=data)
    console = Console()
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
    listings = (
        ("endpoint", sagemaker.list_endpoints()["Endpoints"], "Endpoint"),
        (
            "training job",
            sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"],
            "TrainingJob",
        ),
        (
            "processing job",
            sagemaker.list_processing_jobs(StatusEquals="InProgress")["ProcessingJobSummaries"],
            "ProcessingJob",
        ),
    )
    for kind, rows, prefix in listings:
        for row in rows:
            state = row[f"{prefix}Status"]
            age = datetime.now(UTC) - row["CreationTime"]
            colour = _COLOURS.get(state, "default")
            table.add_row(kind, row[f"{prefix}Name"], f"[{colour}]{state}[/]", str(age).split(".")[0])
    if not table.rows:
        table.add_row("nothing runs", "", "", "")
    return table
