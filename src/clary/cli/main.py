"""`clary`: one module per command, with a function (or group of commands) of its name; put together here."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version as package_version
from typing import Annotated

import typer

from clary.base.errors import ConfigurationError

COMMANDS = ("serve", "env", "init", "status", "logs", "doctor", "quickstart", "account", "user", "environments")
"""In the order in which help shows them."""

_USAGE = 2
"""Exit status after options that do not exist, or have wrong values."""


def application(arguments: list[str]) -> typer.Typer:
    """All commands; or only the one that is called, because the clients that others need take 0.4 s to load."""
    app = typer.Typer(
        help="Your SageMaker code, unchanged, on your own machines.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)  # keeps the name of a single command a word to be typed
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
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"clary: {error.strerror or error}{where}", file=sys.stderr)
        sys.exit(1)
    except SystemExit as end:
        if end.code == _USAGE and sys.argv[1:2] == ["env"]:
            print("false")  # as `clary env` itself says when it fails
        raise
    except _client_errors() as error:
        print(f"clary: {error} (`clary doctor` looks at the server.)", file=sys.stderr)
        sys.exit(1)


def _client_errors() -> tuple[type[Exception], ...]:
    """What the clients raise that some commands use: only where they are loaded can one of them have been raised."""
    client = sys.modules.get("botocore.exceptions")
    return (client.BotoCoreError, client.ClientError) if client else ()


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"clary {package_version('clary')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command; they act by their callbacks."""
