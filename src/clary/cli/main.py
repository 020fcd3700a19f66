"""`clary`: one module per command; this file only puts them together."""

from __future__ import annotations

import sys

import typer

from clary.base.errors import ConfigurationError
from clary.cli import doctor, env, logs, quickstart, serve, status

app = typer.Typer(
    help="Your SageMaker code, unchanged, on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve.serve)
app.command()(env.env)
app.command()(status.status)
app.command()(logs.logs)
app.command()(doctor.doctor)
app.command()(quickstart.quickstart)


def main() -> None:
    """Entry point: configuration mistakes are one line, not a traceback."""
    try:
        app()
    except ConfigurationError as error:
        print(f"clary: {error}", file=sys.stderr)
        sys.exit(1)
