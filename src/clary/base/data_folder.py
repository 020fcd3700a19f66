"""Folders that a server refuses as its data folder: somebody else's, and what is left of half an installation.

Asked before anything is made or changed there, by the supervisor, by `ensure_installation` and by `clary doctor`.
"""

from __future__ import annotations

from clary.base.errors import ConfigurationError
from clary.base.layout import Layout


def refuse_foreign(layout: Layout) -> None:
    """Nobody wants the own home folder closed to others and filled because an option was mistyped."""
    try:
        found = sorted(path.name for path in layout.data.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return  # made by Layout.create, which tells what is in the way
    except OSError as error:
        raise ConfigurationError(f"The data folder {layout.data} cannot be used ({error.strerror}).") from error
    foreign = [name for name in found if name not in layout.names and not name.startswith(".")]
    if foreign and layout.installation.name not in found:
        raise ConfigurationError(
            f"{layout.data} holds other things ({foreign[0]} ...) and no installation of Clary; "
            "name a folder with --data that is new, empty or Clary's."
        )


def refuse_half(layout: Layout) -> None:
    """What is missing is not made anew: the rest would belong to nobody, and be removed as such."""
    if layout.database.exists() and not layout.installation.exists():
        raise ConfigurationError(
            f"{layout.installation} is missing, but the records of that installation are there. "
            "Restore it from a backup, or begin with a new folder (--data)."
        )
    if not layout.database.exists() and next(layout.blobs.glob("?/?/*"), None) is not None:
        raise ConfigurationError(
            f"{layout.database} is missing, but objects are there that it knew. "
            f"Restore it from a backup, or remove {layout.data} to begin anew."
        )
