"""Named crash points: places where a test may ask the process to die as if the power had gone.

`CLARY_CRASH_AT=name` (or `name:3` for the third passage) makes the process SIGKILL itself there. Nothing
happens without the variable.
"""

from __future__ import annotations

import os
import signal
import threading

_lock = threading.Lock()
_passages: dict[str, int] = {}
_target, _, _count = os.environ.get("CLARY_CRASH_AT", "").partition(":")


def crash_here(name: str) -> None:
    """Die by SIGKILL when this point was asked for; otherwise cost one comparison."""
    if name != _target:
        return
    with _lock:
        _passages[name] = _passages.get(name, 0) + 1
        due = _passages[name] >= int(_count or 1)
    if due:
        os.kill(os.getpid(), signal.SIGKILL)
