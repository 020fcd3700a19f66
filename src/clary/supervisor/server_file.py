"""run/server.json: where the server listens and which processes it is made of; and whether it is ready.

Written by the supervisor, read by the command line and by tests.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from clary.base.durable import write_json
from clary.base.errors import ConfigurationError
from clary.base.settings import Settings
from clary.supervisor.orphans import start_ticks

READY_PATH = "/clary/ready"
_ASK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ServerFile:
    """Contents of server.json. `started` is Unix time; `start_ticks` tells the process from a later one with its
    id. `children` maps names (`control`, `door-0` ...) to process ids."""

    pid: int
    start_ticks: int
    started: float
    version: str
    http_url: str
    https_url: str
    ready: bool = False
    children: Mapping[str, int] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether the supervisor itself still runs. Doors may go on without it."""
        return start_ticks(self.pid) == self.start_ticks


def write_server_file(settings: Settings, content: ServerFile) -> None:
    write_json(settings.layout.server_file, asdict(content), mode=0o600)


def read_server_file(settings: Settings) -> ServerFile | None:
    """None when no server has been started on this data folder, or when it was stopped in order."""
    path = settings.layout.server_file
    try:
        return ServerFile(**json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}); only the user who runs Clary can."
        ) from error


def wait_ready(settings: Settings, timeout: float) -> ServerFile | None:
    """The server file as soon as GET /clary/ready is answered 200 through a door; None after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        content = read_server_file(settings)
        left = end - time.monotonic()
        if content is not None and content.alive and is_ready(content.http_url, max(left, 0.1)):
            return content
        if left <= 0:
            return None
        time.sleep(_ASK_AGAIN_SECONDS)


def is_ready(url: str, timeout: float) -> bool:
    """One question through a door. It may take as long as control takes to start."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", READY_PATH)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
