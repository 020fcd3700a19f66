"""The one place that writes bytes which must survive a power cut.

Recipe: temporary file in the same folder, fsync, rename over the target, fsync of the folder. A reader sees
the old bytes or the new bytes, never a mix.

What other programs have written (an installer, say) they have hardly synced: `sync_file_system` does that for all of
it, before a mark says that it is whole.
"""

from __future__ import annotations

import ctypes
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clary.base.crash import crash_here


def write_bytes(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` durably and atomically."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        crash_here("durable.before_rename")
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, document: Any, *, mode: int = 0o644) -> None:
    """`write_bytes` of compact JSON."""
    write_bytes(path, json.dumps(document, separators=(",", ":"), sort_keys=True).encode(), mode=mode)


def adopt_file(temporary: Path, target: Path) -> None:
    """Make an already written temporary file durable under its final name (same file system)."""
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    crash_here("durable.before_adopt")
    temporary.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(folder: Path) -> None:
    """All that was written to the file system of `folder` until now, whoever wrote it. Raises OSError where bytes
    were lost."""
    sync = _find_syncfs()
    if sync is None:
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if sync(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def _find_syncfs() -> Callable[[int], int] | None:
    """Linux has it, which Python does not offer."""
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    return found
