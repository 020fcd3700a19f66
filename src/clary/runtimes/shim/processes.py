"""What /proc says of processes."""

from __future__ import annotations

import os

from .records import read


def parent_of_each() -> dict[int, int]:
    """Every process with its parent."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = int(_stat(int(entry))[1])
            except (OSError, IndexError):
                continue
    return found


def descendants(root: int) -> list[int]:
    parents = parent_of_each()
    found: list[int] = []
    wanted = {root}
    while wanted:
        wanted = {pid for pid, parent in parents.items() if parent in wanted}
        found += wanted
    return found


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on (the name before it may hold anything)."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def start_time(pid: int) -> int:
    return int(_stat(pid)[19])
