"""A network of a job's own, which its instances share."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys

from .processes import start_time
from .records import read
from .system import CLONE_NEWNET, CLONE_NEWUSER, check, libc

SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def share_network(folders: list[str]) -> str:
    """Enter the network that units in these folders live in, or make it when none does yet; '' or what went wrong.

    Without root that takes a user namespace, which goes with the network. Units are launched one after the other.
    """
    try:
        if not any(_join_network(os.path.join(folder, "network.json")) for folder in folders):
            _make_network()
    except OSError as error:
        return str(error)
    return ""


def _join_network(record: str) -> bool:
    try:
        shim = json.loads(read(record))
        names = ["net"] if os.geteuid() == 0 else ["user", "net"]
        spaces = [os.open(f"/proc/{shim['pid']}/ns/{name}", os.O_RDONLY) for name in names]
        if start_time(shim["pid"]) != shim["start_time"]:
            return False
    except (OSError, ValueError, IndexError):
        return False  # it has not begun, or has ended
    for space in spaces:
        check(libc.setns(space, 0))
        os.close(space)
    return True


def _make_network() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        check(libc.unshare(CLONE_NEWNET))
    else:
        check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET))
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    open_loopback()


def open_loopback() -> None:
    """A new network has a loopback interface, but it is down."""
    up = b"lo".ljust(16, b"\0") + IFF_UP.to_bytes(2, sys.byteorder) + bytes(22)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, up)
