"""Clearing away what a unit left behind: processes, its memory group, its files. Called by the process runtime.

Processes are only looked for after the death of a shim. They are recognised by the unit's memory group, where it
has one, and by the token that every process of the unit inherits in its environment.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def kill_strays(shim: dict[str, Any]) -> None:
    """SIGKILL to all that is left of the unit whose shim.json this is."""
    for pid in {*_members(shim.get("memory_group")), *_bearers(shim.get("token"))}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if shim.get("memory_group"):
        _remove_group(Path(shim["memory_group"]))


def _remove_group(group: Path) -> None:
    for _ in range(200):
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.005)  # its last process is still being taken down
        else:
            return


def _members(group: str | None) -> list[int]:
    if not group:
        return []
    try:
        return [int(line) for line in Path(group, "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _bearers(token: str | None) -> Iterator[int]:
    if not token:
        return
    mark = f"CLARY_UNIT_TOKEN={token}".encode()
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names only, and many of them
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                variables = Path("/proc", entry, "environ").read_bytes().split(b"\0")
            except OSError:
                continue  # ended, or someone else's
            if mark in variables:
                yield int(entry)


def delete_tree(folder: Path) -> None:
    """Delete a folder, also one in which a job took away its own permissions."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except PermissionError:
        for parent, folders, _ in os.walk(folder):
            for name in folders:
                if not Path(parent, name).is_symlink():
                    Path(parent, name).chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
