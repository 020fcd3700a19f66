"""Named crash points: places where a test may ask the process to die as if the power had gone.

`CLARY_CRASH_AT=name` (or `name:3` for the third passage, or several with commas) makes the process SIGKILL itself
there. With `CLARY_CRASH_ONCE=FOLDER` each point strikes once for all processes: it leaves a file there first.
Nothing happens without the variables.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

_lock = threading.Lock()
_passages: dict[str, int] = {}
_once = os.environ.get("CLARY_CRASH_ONCE", "")


def _read_points(text: str) -> dict[str, int]:
    points = (point.partition(":") for point in text.split(",") if point)
    return {name: int(count or 1) for name, _, count in points}


_points = _read_points(os.environ.get("CLARY_CRASH_AT", ""))


def crash_here(name: str) -> None:
    """Die by SIGKILL when this point was asked for; otherwise cost one lookup."""
    if name not in _points:
        return
    with _lock:
        _passages[name] = _passages.get(name, 0) + 1
        if _passages[name] >= _points[name] and _may_strike(name):
            os.kill(os.getpid(), signal.SIGKILL)


def _may_strike(name: str) -> bool:
    if not _once:
        return True
    try:
        (Path(_once) / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
