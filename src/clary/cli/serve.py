"""`clary serve`: run Clary in the foreground until Ctrl-C."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from clary.base.errors import ConfigurationError
from clary.base.installation import load_installation
from clary.base.settings import Settings, load_settings
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
    _check_region(settings, wanted=region)
    typer.echo(f"Clary is starting on {settings.data} ...")
    raise typer.Exit(run(settings))


def _check_region(settings: Settings, *, wanted: str | None) -> None:
    """SDKs look for images by the region's name, so a new installation cannot have any name."""
    if settings.layout.installation.is_file():
        has = load_installation(settings).region
        if wanted not in (None, has):
            typer.echo(f"This installation is in {has} and stays there; --region is for a new one.")
    elif settings.region != Settings().region and settings.region not in _known_regions():
        raise ConfigurationError(f"{settings.region!r} is no region that AWS SDKs know (--region, CLARY_REGION).")


def _known_regions() -> frozenset[str]:
    """Loaded only where it is asked for: botocore would make every start slower by a fifth of a second."""
    known: frozenset[str] = import_module("clary.wire.endpoints").known_regions()
    return known
