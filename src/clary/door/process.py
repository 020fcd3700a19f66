"""The life of a door: inherited sockets, snapshots, the sweep over time limits, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import os
import resource
import signal
import socket
import ssl
from collections.abc import Mapping

import httptools

from clary.base.clock import SystemClock
from clary.base.installation import load_installation
from clary.base.log import get_logger
from clary.base.settings import Settings
from clary.base.snapshots import Access, Routes, read_access, read_routes
from clary.door import limits
from clary.door.authentication import Authentication
from clary.door.chain import Chain
from clary.door.connection import Connection
from clary.door.control_link import ControlLink
from clary.door.exchange import Exchange
from clary.door.handover import Handover
from clary.door.listening import Listener
from clary.door.reporting import Reporting
from clary.door.snapshots import Follower, file_stamp
from clary.door.tls import server_context, tls_files
from clary.serving.connection import Parsing
from clary.serving.forwarder import Forwarder

log = get_logger(__name__)

HTTP_FD = "CLARY_DOOR_HTTP_FD"
HTTPS_FD = "CLARY_DOOR_HTTPS_FD"
_LOOK_SECONDS = 0.05
_SWEEP_SECONDS = 0.5
# Clients with an idle connection get this long to use it once more and be told that it closes.
_FAREWELL_SECONDS = 1.0


class Door:
    """Everything one door process has. Also the house of its connections."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
        layout = settings.layout
        self.draining = False
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._connections: set[Connection] = set()
        self._authentication = Authentication(load_installation(settings).master_key, SystemClock())
        self._forwarder = Forwarder(settings, Parsing(httptools.HttpResponseParser, httptools.HttpParserError))
        self._control = ControlLink(layout.control_socket)
        self._reporting = Reporting(layout.invocation_reports, self._forwarder)
        self._chain = Chain(settings, self._authentication, self._forwarder, self._control)
        self._routes: Follower[Routes] = Follower(
            layout.routes, read_routes, self._forwarder.apply, layout.installation
        )
        self._access: Follower[Access] = Follower(
            layout.access, read_access, self._authentication.apply, layout.installation
        )
        self._sign = layout.run / "doors" / str(os.getpid())
        self._tls: ssl.SSLContext | None = None
        self._tls_stamp = file_stamp(tls_files(layout).server)
        self._listeners = self._make_listeners(environment)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        self._sign.parent.mkdir(exist_ok=True)
        self._follow_snapshots()
        tasks = [
            self._loop.create_task(self._forwarder.run()),
            self._loop.create_task(self._watch()),
            self._loop.create_task(self._sweep()),
            self._loop.create_task(self._reporting.run()),
        ]
        for listener in self._listeners:
            listener.start()
        self._show_number()
        _calm_garbage_collection()
        log.info("door serves", extra={"pid": os.getpid(), "routes": self._routes.number})
        try:
            await self._stop.wait()
            await self._drain()
        finally:
            self._sign.unlink(missing_ok=True)
            for task in tasks:
                task.cancel()
            self._reporting.finish()
            self._forwarder.close()
            self._control.close()
        log.info("door ended", extra={"pid": os.getpid()})

    # House of connections

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def open(self, exchange: Exchange) -> None:
        self._chain.open(exchange)

    def complete(self, exchange: Exchange) -> None:
        self._chain.complete(exchange)

    # Inside

    def _make_listeners(self, environment: Mapping[str, str]) -> list[Listener]:
        listeners = []
        descriptors = []
        for variable, scheme in ((HTTP_FD, "http"), (HTTPS_FD, "https")):
            text = environment.get(variable)
            if not text:
                continue
            listening = socket.socket(fileno=int(text))
            descriptors.append(listening.fileno())
            if scheme == "https":
                self._tls = server_context(tls_files(self._settings.layout))
            make = functools.partial(Connection, self, scheme)
            listeners.append(Listener(listening, make, self._has_room, self._tls if scheme == "https" else None))
        self._handover = Handover(self._settings.layout, descriptors)
        return listeners

    def _has_room(self) -> bool:
        """When the door is full, the connection that has been idle for longest gives way, but no fresh one."""
        if len(self._connections) + sum(listener.opening for listener in self._listeners) < limits.CONNECTIONS:
            return True
        before = self._loop.time() - limits.SETTLED_SECONDS
        idle = [connection for connection in self._connections if connection.idle and connection.heard_at < before]
        if idle:
            min(idle, key=lambda connection: connection.heard_at).close()
        return bool(idle)

    def _follow_snapshots(self) -> None:
        self._access.look()
        if self._routes.look():
            self._show_number()

    def _show_number(self) -> None:
        """Tell the engine which routes are in force here. It needs no durability, only whole content."""
        temporary = self._sign.with_suffix(".new")
        temporary.write_text(str(self._routes.number))
        temporary.replace(self._sign)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                self._follow_snapshots()
            except OSError:
                log.exception("snapshot could not be acknowledged")

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = self._loop.time()
            for connection in list(self._connections):
                connection.sweep(now)
            self._control.sweep(now)
            self._take_up_certificate()

    def _take_up_certificate(self) -> None:
        """New connections get a renewed certificate; while its files do not fit together, the old one."""
        files = tls_files(self._settings.layout)
        stamp = file_stamp(files.server)
        if self._tls is not None and stamp != self._tls_stamp:
            with contextlib.suppress(OSError):
                self._tls.load_cert_chain(files.server, files.server_key)
                self._tls_stamp = stamp

    async def _drain(self) -> None:
        """No new connections; what goes on comes to its end; idle connections get a moment, then close."""
        self.draining = True
        self._sign.unlink(missing_ok=True)
        self._handover.close()
        for listener in self._listeners:
            listener.stop()
        started = self._loop.time()
        longest = max(self._forwarder.longest_timeout, self._settings.parked_seconds)
        while self._connections or any(listener.opening for listener in self._listeners):
            passed = self._loop.time() - started
            for connection in list(self._connections):
                if connection.idle and passed > _FAREWELL_SECONDS:
                    connection.close()
                elif passed > limits.DRAIN_SECONDS + (longest if connection.bounded else 0.0):
                    connection.cut_short()
            if passed > limits.DRAIN_SECONDS + longest + 1.0:
                return
            await asyncio.sleep(0.02)


def _calm_garbage_collection() -> None:
    """Requests leave no circles behind, so the collector has little to find; what is there now stays for good."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def raise_descriptor_limit() -> None:
    """Each connection is a descriptor; the usual soft limit of 1024 is for programs with select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * limits.CONNECTIONS
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))


async def serve(settings: Settings) -> None:
    await Door(settings).run()
