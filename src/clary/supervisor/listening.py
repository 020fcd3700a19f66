"""The listening sockets: taken over from the doors of a supervisor that died, or bound.

Ports that were picked freely (0) are remembered in run/ports.json, so that addresses survive a restart.
"""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from clary.base.durable import write_json
from clary.base.errors import ConfigurationError
from clary.base.layout import Layout
from clary.base.settings import Settings
from clary.supervisor.orphans import Orphan, end_all

_BACKLOG = 4096
_TAKEOVER_SECONDS = 0.5
_LEAVE_SECONDS = 2.0
_FREED_SECONDS = 10.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ListeningSockets:
    """One socket for HTTP, one for HTTPS; all doors share them."""

    http: socket.socket
    https: socket.socket

    def urls(self, host: str) -> tuple[str, str]:
        """Addresses for clients on this machine."""
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        return f"http://{name}:{port_of(self.http)}", f"https://{name}:{port_of(self.https)}"

    def close(self) -> None:
        self.http.close()
        self.https.close()


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def open_sockets(settings: Settings, old_doors: list[Orphan]) -> ListeningSockets:
    """Those of old doors when they fit the settings, else new ones."""
    layout = settings.layout
    for door in old_doors:
        taken = _take_over(layout, door.pid)
        if taken is not None and _fits(settings, taken):
            _remember(layout, taken)
            return taken
        if taken is not None:
            taken.close()
    end_all(old_doors, _LEAVE_SECONDS)  # they would hold the ports
    # On a busy machine a killed door may need a while to be gone, and its ports with it.
    deadline = time.monotonic() + (_FREED_SECONDS if old_doors else 0.0)
    remembered = _remembered(layout)
    http = _bind(settings.host, settings.port, remembered.get("http", 0), "--port", deadline)
    try:
        https = _bind(settings.host, settings.https_port, remembered.get("https", 0), "--https-port", deadline)
    except ConfigurationError:
        http.close()
        raise
    sockets = ListeningSockets(http, https)
    _remember(layout, sockets)
    return sockets


def is_loopback(listening: socket.socket) -> bool:
    address = str(listening.getsockname()[0])
    return address.startswith("127.") or address == "::1"


def _take_over(layout: Layout, pid: int) -> ListeningSockets | None:
    """Ask a door for its sockets. None when it does not answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_TAKEOVER_SECONDS)
        try:
            asking.connect(str(layout.sockets / f"door-{pid}.sock"))
            _, descriptors, _, _ = socket.recv_fds(asking, 16, 2)
        except OSError:
            return None
    opened = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    if len(opened) != 2:
        for item in opened:
            item.close()
        return None
    return ListeningSockets(*opened)


def _fits(settings: Settings, sockets: ListeningSockets) -> bool:
    for listening, port in ((sockets.http, settings.port), (sockets.https, settings.https_port)):
        if port not in (0, port_of(listening)):
            return False
        if _address(settings.host, 0)[1][0] != listening.getsockname()[0]:
            return False
    return True


def _bind(host: str, port: int, remembered: int, option: str, deadline: float) -> socket.socket:
    if port == 0 and remembered:
        with contextlib.suppress(OSError):
            return _listen_once_free(host, remembered, deadline)
    try:
        return _listen_once_free(host, port, deadline)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"Port {port} on {host} is in use; choose another with {option}, or 0 for any free one."
            ) from error
        raise ConfigurationError(f"Cannot listen on {host} port {port}: {error.strerror or error}.") from error


def _listen_once_free(host: str, port: int, deadline: float) -> socket.socket:
    """Listen on a port; one that is in use is tried again until the deadline (on the monotonic clock)."""
    while True:
        try:
            return _listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    family, address = _address(host, port)
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _address(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(f"{host!r} is not an address to listen on.") from error
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _remember(layout: Layout, sockets: ListeningSockets) -> None:
    write_json(_ports_path(layout), {"http": port_of(sockets.http), "https": port_of(sockets.https)})


def _remembered(layout: Layout) -> dict[str, int]:
    try:
        ports = json.loads(_ports_path(layout).read_text())
        return {name: int(port) for name, port in ports.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}


def _ports_path(layout: Layout) -> Path:
    return layout.run / "ports.json"
