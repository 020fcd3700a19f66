"""The toolkit's folder: what units find beside the packages of their environment.

It is apart from the environments so that these stay as they are when Clary is updated. The folder is named by the
hash of its files, so a unit that is adopted by a newer Clary keeps the toolkit that it began with.
"""

from __future__ import annotations

import compileall
import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path

from clary.runtimes import shared_folders
from clary.runtimes.errors import EnvironmentBuildError

_PACKAGE = "clary_toolkit"
_STAND_INS = f"{_PACKAGE}/stand_ins\n"


class Toolkit:
    """Makes the folder below `folder` when it is first asked for. It serves the Python that runs this."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None

    def prepare(self) -> Path:
        """A folder that holds the package and its bytecode. Raises EnvironmentBuildError."""
        path = self._path = self._path or self._folder.absolute() / f"toolkit-{_digest()}"
        while not shared_folders.is_ready(path):
            with shared_folders.alone(path):
                if not (path / shared_folders.READY).exists():
                    _build(path)
        return path


def _build(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    source = _source()
    for file in _files(source):
        copy = path / _PACKAGE / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    (path / "stand_ins.pth").write_text(_STAND_INS)  # last on the module search path, behind what a job brings
    compileall.compile_dir(path, quiet=2)
    shared_folders.mark_ready(path, "toolkit")


def _digest() -> str:
    source, digest = _source(), hashlib.sha256(sys.version.encode() + b"\0")
    for file in _files(source):
        digest.update(str(file.relative_to(source)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:32]


def _source() -> Path:
    """Where the files lie. They are copied, never imported."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EnvironmentBuildError("The package clary-toolkit is not installed beside Clary.")
    return Path(spec.origin).parent


def _files(source: Path) -> list[Path]:
    return sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
