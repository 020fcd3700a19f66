"""Hands the listening sockets to a new supervisor, when the one that bound them has died.

The new supervisor connects to a unix socket of the door and is sent the descriptors. So both generations accept
from the very same queue, and no client is refused or reset during the change.
"""

from __future__ import annotations

import asyncio
import os
import socket

from clary.base.layout import Layout


class Handover:
    """The door's side. The socket's folder is private to the user, which is all the protection it needs."""

    def __init__(self, layout: Layout, descriptors: list[int]) -> None:
        self._path = layout.sockets / f"door-{os.getpid()}.sock"
        self._descriptors = descriptors
        self._loop = asyncio.get_running_loop()
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self._path))
        self._socket.listen(4)
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._hand_over)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _hand_over(self) -> None:
        try:
            taker, _ = self._socket.accept()
            with taker:
                taker.settimeout(0.2)
                socket.send_fds(taker, [b"sockets"], self._descriptors)
        except OSError:
            return  # the taker has gone; it will ask again or bind for itself
