"""The toolkit's folder: what units find beside the packages of their environment.

It is apart from the environments so that these stay as they are when Clary is updated. A unit that is adopted by a
newer Clary keeps the toolkit that it began with.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from clary.base.log import get_logger
from clary.runtimes import shared_folders
from clary.runtimes.errors import EnvironmentBuildError
from clary.runtimes.package_copies import place_copy

_PACKAGE = "clary_toolkit"
# The last on the module search path, behind what a job brings.
_BESIDE = {"stand_ins.pth": f"{_PACKAGE}/stand_ins\n".encode()}
log = get_logger(__name__)


class Toolkit:
    """Keeps a copy below `folder`. It serves the Python that runs this."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None

    def place(self) -> None:
        """At a server's start, before an update can come. Where it cannot be done now, a later launch does it."""
        try:
            self.prepare()
        except (OSError, EnvironmentBuildError) as error:
            log.warning("the toolkit cannot be placed yet", extra={"reason": str(error)})

    def prepare(self) -> Path:
        """A folder that holds the package and its bytecode. Raises EnvironmentBuildError and OSError."""
        if self._path is None or not shared_folders.is_ready(self._path):
            self._path = place_copy(self._folder, _source(), "toolkit", _BESIDE)
        return self._path


def _source() -> Path:
    """Where the files lie. They are copied, never imported."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EnvironmentBuildError("The package clary-toolkit is not installed beside Clary.")
    return Path(spec.origin).parent
