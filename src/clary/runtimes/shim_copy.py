"""The shim's folder: a copy that an update of the package leaves as it is.

A server starts shims for as long as it runs, with specifications of its own version. So it takes them from a folder
that is named by the hash of its files and made at the server's start, beside the environments. Called where the parts
of control are put together.
"""

from __future__ import annotations

import compileall
import hashlib
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from py_compile import PycInvalidationMode

from clary.base.log import get_logger
from clary.runtimes import shared_folders
from clary.runtimes.process import SHIM

log = get_logger(__name__)


def place_shim(folder: Path) -> Path:
    """What to start shims from, kept for the life of this process. The package's own where no copy can be made."""
    content = _read(SHIM)
    path = folder.absolute() / f"{SHIM.name}-{_digest(content)}"
    try:
        while not shared_folders.is_ready(path):
            with shared_folders.alone(path):
                if not (path / shared_folders.READY).exists():
                    _build(path, content)
    except OSError as error:
        log.warning("an update of Clary will reach running servers", extra={"reason": str(error)})
        return SHIM
    shared_folders.hold(path)
    return path / SHIM.name


def _build(path: Path, content: Mapping[str, bytes]) -> None:
    shutil.rmtree(path, ignore_errors=True)
    for name, text in content.items():
        copy = path / SHIM.name / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(text)
    compileall.compile_dir(path, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    shared_folders.mark_ready(path, SHIM.name)


def _read(source: Path) -> dict[str, bytes]:
    """At once, so that the copy is what the hash says, also when an update is under way."""
    files = sorted(path for path in source.rglob("*.py") if path.is_file())
    return {str(path.relative_to(source)): path.read_bytes() for path in files}


def _digest(content: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(sys.version.encode() + b"\0")
    for name, text in content.items():
        digest.update(name.encode() + b"\0" + text + b"\0")
    return digest.hexdigest()[:32]
