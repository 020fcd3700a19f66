"""Accepts connections from a listening socket that several doors (and the supervisor) share.

One connection per wake-up, so that the doors share the load; none while this door is full. Stopping takes what
is queued first and only then lets go of the socket, so that no client finds its connection reset.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable

from clary.base.log import get_logger

log = get_logger(__name__)

_HANDSHAKE_SECONDS = 10.0
_PAUSE_SECONDS = 0.1
_OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener:
    """One listening socket. `has_room` is asked before each accept."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.Protocol],
        has_room: Callable[[], bool],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._socket = listening
        self._make = make
        self._has_room = has_room
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._accepting = False
        self._closed = False
        listening.setblocking(False)

    @property
    def opening(self) -> int:
        """Connections that are accepted, but not yet through their handshake."""
        return len(self._opening)

    def start(self) -> None:
        """Accept (again); nothing after `stop`."""
        if not (self._accepting or self._closed):
            self._accepting = True
            self._loop.add_reader(self._socket, self._accept)

    def pause(self) -> None:
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._socket)

    def stop(self) -> None:
        """Take what is queued, then let go of the socket."""
        self.pause()
        while self._take():
            pass
        self._closed = True
        self._socket.close()

    def _accept(self) -> None:
        if self._has_room():
            self._take()
        else:
            self._rest()

    def _rest(self) -> None:
        """Nothing more for a moment; clients wait in the kernel's queue, or are taken by another door."""
        self.pause()
        self._loop.call_later(_PAUSE_SECONDS, self.start)

    def _take(self) -> bool:
        try:
            connected, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False  # another door was faster, or the client has gone
        except OSError as error:
            if error.errno in _OUT_OF_DESCRIPTORS:
                log.warning("no more connections can be accepted for now", extra={"reason": str(error)})
                self._rest()
            return False
        connected.setblocking(False)
        task = self._loop.create_task(self._open(connected))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return True

    async def _open(self, connected: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._make,
                connected,
                ssl=self._tls,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if self._tls else None,
            )
        except (OSError, ssl.SSLError) as error:
            log.debug("connection failed before its first request", extra={"reason": str(error)})
            connected.close()
