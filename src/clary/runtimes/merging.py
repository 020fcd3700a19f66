"""Lays what one instance left beside what another one left. Called when a job of several instances is collected.

Both trees were written by users' code, and all of its processes are dead. Links are copied, never followed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


def merge(source: Path, target: Path) -> None:
    """Add to `target` what it lacks of `source`; what both have stays as in `target`. Safe to repeat."""
    if not _is_folder(source) or not _is_folder(target):
        return
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        path = target / entry.name
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            if not os.path.lexists(path):
                path.mkdir()
            merge(Path(entry.path), path)
        elif not os.path.lexists(path) and stat.S_ISLNK(mode):
            path.symlink_to(Path(entry.path).readlink())
        elif not os.path.lexists(path) and stat.S_ISREG(mode):
            os.link(entry.path, path, follow_symlinks=False)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
