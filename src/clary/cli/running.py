"""Which server runs on a data folder, as every command asks it."""

from __future__ import annotations

from clary.base.errors import ConfigurationError
from clary.base.settings import Settings
from clary.supervisor.server_file import ServerFile, read_server_file, wait_ready


def find_server(settings: Settings) -> ServerFile | None:
    """The running server, or None."""
    server = read_server_file(settings)
    return server if server is not None and server.alive else None


def need_server(settings: Settings) -> ServerFile:
    """The running server; ConfigurationError with the way out when there is none."""
    server = find_server(settings)
    if server is None:
        raise ConfigurationError(
            f"Clary does not run on {settings.data}; start it with `clary serve{settings.data_option}`."
        )
    return server


def await_server(settings: Settings, seconds: float) -> ServerFile:
    """The server once it is ready; ConfigurationError when that takes longer."""
    server = wait_ready(settings, seconds)
    if server is None and find_server(settings) is None:
        raise ConfigurationError(
            f"No server was started on {settings.data} within {seconds:g} s; "
            f"start one with `clary serve{settings.data_option}`."
        )
    if server is None:
        raise ConfigurationError(
            f"Clary on {settings.data} was not ready within {seconds:g} s; see {settings.layout.logs}."
        )
    return server
