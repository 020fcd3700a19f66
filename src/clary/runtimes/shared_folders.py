"""Folders that installations share: built once by one builder, marked when ready, stamped when used.

Environments, layers of packages, toolkit and shim are such folders; `collecting` takes away those that nobody uses.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clary.base import durable

READY = ".ready"
USED = ".used"


def is_ready(path: Path) -> bool:
    """Stamped before the look, so that it is not collected after it (see `collecting`)."""
    if not (path / READY).exists():
        return False
    _stamp(path / USED)
    return (path / READY).exists()


def mark_ready(path: Path, label: str, **more: Any) -> None:
    """The last act of a builder. `label` is what people are told that it is. The mark outlives a power cut, so all
    that it speaks of must, too. What nobody ever uses has a stamp as well, by which it grows old."""
    _stamp(path / USED)
    durable.sync_file_system(path)
    durable.write_json(path / READY, {"framework": label, **more})


def read_ready(path: Path) -> dict[str, Any]:
    """What the mark says; nothing where there is none."""
    try:
        ready: dict[str, Any] = json.loads((path / READY).read_bytes())
    except (OSError, ValueError):
        return {}
    return ready


def read_label(path: Path) -> str:
    """`scikit-learn 1.2.2`; empty for folders that were not built here."""
    label: str = read_ready(path).get("framework", "")
    return label


def hold(path: Path) -> None:
    """Nobody collects the folder as long as this process lives."""
    with contextlib.suppress(OSError):  # one that we may only read has no stamp, and nobody collects it
        fcntl.flock(os.open(path / USED, os.O_RDONLY), fcntl.LOCK_SH)


@contextmanager
def alone(path: Path) -> Iterator[int]:
    """One builder of this folder at a time, over all processes; the kernel lets go when the builder and its children
    are gone. Gives the lock's descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


@contextmanager
def alone_or_not(path: Path) -> Iterator[int | None]:
    """As `alone`, but gives None at once where somebody else builds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file.fileno()


def _stamp(path: Path) -> None:
    """Not where the folder has just gone, or is one that we may only read."""
    try:
        os.utime(path)
    except FileNotFoundError:
        with contextlib.suppress(OSError):
            path.touch()
    except OSError:
        return
