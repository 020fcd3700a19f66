"""The shim's folder: the copy from which a server starts its shims. Made where the parts of control are joined."""

from __future__ import annotations

from pathlib import Path

from clary.base.log import get_logger
from clary.runtimes.package_copies import place_copy
from clary.runtimes.process import SHIM

log = get_logger(__name__)


def place_shim(folder: Path) -> Path:
    """What to start shims from, kept for the life of this process. The package's own where no copy can be made."""
    try:
        return place_copy(folder, SHIM, "shim") / SHIM.name
    except OSError as error:
        log.warning("an update of Clary will reach running servers", extra={"reason": str(error)})
        return SHIM
