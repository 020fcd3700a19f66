"""`clary`: one module per command, with a function (or group of commands) of its name; put together here."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from clary.base.errors import ConfigurationError

COMMANDS = ("serve", "env", "init", "status", "logs", "doctor", "quickstart", "account", "user", "environments")
"""In the order in which help shows them."""


def application(arguments: list[str]) -> typer.Typer:
    """All commands; or only the one that is called, because the clients that others need take 0.4 s to load."""
    app = typer.Typer(
        help="Your SageMaker code, unchanged, on your own machines.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_nothing)  # keeps the name of a single command a word to be typed
    called = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
    for name in called:
        command = getattr(import_module(f"clary.cli.{name}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def main() -> None:
    """Entry point: configuration mistakes are one line, not a traceback."""
    try:
        application(sys.argv[1:])()
    except ConfigurationError as error:
        print(f"clary: {error}", file=sys.stderr)
        sys.exit(1)


def _nothing() -> None:
    """Options before the command: there are none."""
