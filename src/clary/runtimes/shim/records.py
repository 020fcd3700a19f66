"""Files of the unit's folder, the clock, and the crash points of tests."""

from __future__ import annotations

import json
import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def milliseconds() -> int:
    return time.time_ns() // 1_000_000


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def write(folder: str, name: str, document: dict[str, Any], durable: bool = False) -> None:
    """Replace a file in one step; `durable` ones also survive a power cut."""
    temporary = os.path.join(folder, f".{name}.{os.getpid()}")
    with open(temporary, "w") as file:
        json.dump(document, file)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.rename(temporary, os.path.join(folder, name))
    if durable:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)


def remove(path: str) -> None:
    """Delete a file or a tree. All processes that could play tricks in it are dead by now."""
    try:
        if os.path.islink(path) or not os.path.isdir(path):
            os.unlink(path)
            return
        os.chmod(path, 0o700)
        for entry in os.listdir(path):
            remove(os.path.join(path, entry))
        os.rmdir(path)
    except OSError:
        pass  # left to the runtime, which deletes the unit's folder later


def crash_here(name: str) -> None:
    """The shim's own copy of Clary's named crash points (it imports nothing of Clary)."""
    if os.environ.get("CLARY_CRASH_AT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
