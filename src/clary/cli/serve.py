"""`clary serve`: run Clary in the foreground until Ctrl-C."""

from __future__ import annotations

from typing import Annotated

import typer

from clary.base.settings import load_settings
from clary.cli.options import DataOption
from clary.supervisor.supervisor import run


def serve(
    data: DataOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="HTTP port; 0 takes any free one.", show_default="8765")] = None,
    https_port: Annotated[
        int | None, typer.Option(help="HTTPS port; 0 takes any free one.", show_default="8766")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Region of a new installation.", show_default="us-east-1")
    ] = None,
) -> None:
    """Run Clary. Ctrl-C stops everything; SIGTERM leaves jobs and model servers running for the next start."""
    settings = load_settings(data=data, host=host, port=port, https_port=https_port, region=region)
    typer.echo(f"Clary is starting on {settings.data} ...")
    raise typer.Exit(run(settings))
