"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder with everything Clary owns.",
        show_default="~/.local/share/clary",
        readable=False,  # that is, not looked at here: commands say better what is wrong with it
    ),
]
