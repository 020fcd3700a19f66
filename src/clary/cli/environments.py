"""`clary environments list|prune`: what jobs and model servers run in, and taking away what is not used any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from clary.base.errors import ConfigurationError
from clary.base.settings import load_settings
from clary.cli.options import DataOption
from clary.runtimes.collecting import FileId, Found, collect, find_environments

environments = typer.Typer(help="Environments of jobs and model servers.", no_args_is_help=True)


@environments.command("list")
def list_environments(
    size: Annotated[bool, typer.Option("--size", help="Also how much each has on the disk; takes a while.")] = False,
    data: DataOption = None,
) -> None:
    """All environments: when they were last used, what they hold."""
    now = datetime.now(UTC)
    all_found = find_environments(load_settings(data=data).environments)
    on_disk: dict[FileId, int] = {}
    typer.echo(("       size  " if size else "") + f"{'last used':18}  name, what it holds")
    for found in all_found:
        sizes = found.sizes() if size else {}
        on_disk |= sizes
        typer.echo((f"{_mib(sizes)}  " if size else "") + _line(found, now))
    if size:
        typer.echo(f"{_mib(on_disk)}  in all; files that several environments share are counted once here")


def _mib(sizes: dict[FileId, int]) -> str:
    return f"{sum(sizes.values()) / 1024**2:7.0f} MiB"


@environments.command("prune")
def prune(
    older_than: Annotated[
        int, typer.Option(min=0, help="Days without use. What runs now, or ran within the last hour, always stays.")
    ] = 30,
    data: DataOption = None,
) -> None:
    """Remove environments that have not been used for so many days; they are built again when they are needed."""
    now, count = datetime.now(UTC), 0
    try:
        for found in collect(load_settings(data=data).environments, timedelta(days=older_than), now):
            typer.echo(f"removed {found.path.name}, last used {_ago(now - found.used_at)} ago")
            count += 1
    except OSError as error:
        raise ConfigurationError(f"{error.filename} cannot be removed: {error.strerror}.") from error
    typer.echo(f"{count} environments removed")


def _line(found: Found, now: datetime) -> str:
    use = "in use" if found.in_use else f"used {_ago(now - found.used_at)} ago"
    return f"{use:18}  {found.path.name}  {found.label or 'not complete'}"


def _ago(age: timedelta) -> str:
    if age.days:
        return f"{age.days} days"
    return f"{age.seconds // 3600} h" if age.seconds >= 3600 else f"{age.seconds // 60} min"
