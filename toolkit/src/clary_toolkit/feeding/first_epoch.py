"""A piped channel as a folder, for algorithms that read all of their data before they begin."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from clary_toolkit.layout import OptMl


def first_epoch(layout: OptMl, name: str) -> Path:
    """A new folder, called as the channel is, with one file: everything that the channel's first pipe gives."""
    folder = Path(tempfile.mkdtemp(prefix="channel-"), name)
    folder.mkdir()
    with layout.channel(f"{name}_0").open("rb") as pipe, (folder / "data").open("wb") as file:
        shutil.copyfileobj(pipe, file, 1 << 20)
    return folder
