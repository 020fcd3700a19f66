"""Whose process is at the other end of a connection over loopback.

Units share the machine's network, so that any of them could speak to the Runtime API of another one. The kernel's
table of connections names the socket's inode, and the processes of the function (they are of one session) name the
inodes that they hold open: only those are let in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")


def is_of_session(address: tuple[str, int], server: tuple[str, int], session: int) -> bool:
    """Whether the client at `address`, connected to `server`, is a process of that session."""
    inode = _inode(address, server)
    if inode is None:
        return False
    wanted = f"socket:[{inode}]"
    return any(wanted in _open_files(process) for process in _processes(session))


def _inode(address: tuple[str, int], server: tuple[str, int]) -> str | None:
    local, remote = _hexadecimal(address), _hexadecimal(server)
    for line in (_PROC / "net" / "tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[1] == local and columns[2] == remote:
            return columns[9]
    return None


def _hexadecimal(address: tuple[str, int]) -> str:
    """`127.0.0.1`, 80 as the kernel writes it (the address in the machine's byte order)."""
    number = bytes(int(part) for part in address[0].split("."))
    return f"{int.from_bytes(number, 'little'):08X}:{address[1]:04X}"


def _processes(session: int) -> Iterable[Path]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            if int(fields[3]) == session:
                yield folder


def _open_files(process: Path) -> set[str]:
    found = set()
    try:
        for entry in (process / "fd").iterdir():
            try:
                found.add(os.readlink(entry))  # noqa: PTH115 - the target is no path
            except OSError:
                continue
    except OSError:
        pass
    return found
