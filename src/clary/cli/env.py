"""`clary env`: shell exports that point SDKs and the AWS CLI at the running server."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from clary.base.settings import load_settings
from clary.cli.options import DataOption
from clary.cli.running import await_server, find_server
from clary.cli.shell import shell_variables


def env(
    data: DataOption = None,
    root: Annotated[
        bool, typer.Option("--root", help="Root credentials instead of a session of the execution role.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until the server is ready.")] = 30.0,
) -> None:
    """Wait until Clary is ready, then print exports for the shell: eval "$(clary env)"."""
    lines = ["false"]  # so that `eval "$(clary env)"` fails too, instead of leaving the shell at AWS
    try:
        settings = load_settings(data=data)
        if find_server(settings) is None:
            typer.echo(f"waiting for Clary on {settings.data}", err=True)
        await_server(settings, timeout)
        lines = [_line(name, value) for name, value in shell_variables(settings, root=root).items()]
    finally:
        typer.echo("\n".join(lines))


def _line(name: str, value: str | None) -> str:
    return f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
