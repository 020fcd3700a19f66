"""Copies of Clary's own packages for units, which an update of the installed packages leaves as they are.

A server starts units for as long as it runs, with specifications of its own version. So it takes the shim and the
toolkit from folders that are named by the hash of their files, beside the environments.
"""

from __future__ import annotations

import compileall
import hashlib
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from py_compile import PycInvalidationMode
from types import MappingProxyType

from clary.runtimes import shared_folders

_NOTHING: Mapping[str, bytes] = MappingProxyType({})


def place_copy(folder: Path, source: Path, label: str, beside: Mapping[str, bytes] = _NOTHING) -> Path:
    """A folder with a copy of the package `source`, its bytecode, and the files `beside` it.

    It is made once, and kept as long as this process lives. The bytecode is for the Python that runs this.
    Raises OSError where it cannot be made.
    """
    content = {**_read(source), **beside}
    path = folder.absolute() / f"{label}-{_digest(content)}"
    while not shared_folders.is_ready(path):
        with shared_folders.alone(path):
            if not (path / shared_folders.READY).exists():
                _build(path, content, label)
    shared_folders.hold(path)
    return path


def _build(path: Path, content: Mapping[str, bytes], label: str) -> None:
    shutil.rmtree(path, ignore_errors=True)
    for name, text in content.items():
        copy = path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(text)
    compileall.compile_dir(path, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    shared_folders.mark_ready(path, label)


def _read(source: Path) -> dict[str, bytes]:
    """At once, so that the copy is what the hash says, also when an update is under way."""
    files = sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(source.parent)): path.read_bytes() for path in files}


def _digest(content: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(sys.version.encode() + b"\0")
    for name, text in content.items():
        digest.update(name.encode() + b"\0" + text + b"\0")
    return digest.hexdigest()[:32]
