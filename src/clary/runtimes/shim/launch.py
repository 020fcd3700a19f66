"""The way in: the lock, the durable mark that the unit has started, and the fork that lets go of the caller."""

from __future__ import annotations

import fcntl
import json
import os

from .life import Shim
from .network import share_network
from .processes import start_time
from .records import crash_here, read, write


def main(folder: str) -> None:
    """Take the lock, leave the durable mark, then let go of the caller, who waits for exactly this."""
    spec = json.loads(read(os.path.join(folder, "spec.json")))
    lock = _take_lock(folder)
    if lock is None:
        return
    crash_here("shim.after_lock")
    write(folder, "started", {}, durable=True)
    crash_here("shim.after_started")
    _hold_environments(spec["environments"])
    problem = share_network(spec["together"]) if spec["together"] else ""
    pid = os.fork()
    if pid == 0:
        Shim(folder, spec, lock, problem).run()
    if spec["together"]:
        write(folder, "network.json", {"pid": pid, "start_time": start_time(pid)})


def _hold_environments(folders: list[str]) -> None:
    """Shared locks, kept for the shim's whole life: what is in use is not collected (see runtimes/collecting.py)."""
    for folder in folders:
        try:
            fcntl.flock(os.open(os.path.join(folder, ".used"), os.O_RDONLY), fcntl.LOCK_SH)
        except OSError:
            continue  # a folder that no Clary has made


def _take_lock(folder: str) -> int | None:
    """The lock's descriptor; None when another shim has, or had, this unit."""
    descriptor = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    # A reader that asks whether the lock is held has it for a moment itself, but only once `started` exists.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return None if os.path.exists(os.path.join(folder, "started")) else descriptor
