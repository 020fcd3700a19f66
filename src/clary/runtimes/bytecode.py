"""Bytecode that other environments already have: compiling is the longest part of building one.

The installer links the files of packages out of its cache, so environments that have a package in common have the
same files. Bytecode belongs to the content and the time of its source, and both are the same then; where the source
lies, Python sets right when it loads a module. Called by `environments` before it compiles what is left.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

TESTS = r"[/\\]tests?[/\\]"
"""Folders of packages' own tests, of which no bytecode is made ahead: these are nearly half of it."""

_FOLDER = "__pycache__"
_TESTS = re.compile(TESTS)

_Files = dict[str, int]
"""Sources of one folder, by their names, and their inodes."""


def adopt(environment: Path, others: Iterable[Path]) -> None:
    """Link what others have compiled of the very files that are in this environment."""
    for site in environment.glob("lib/python*/site-packages"):
        left = _sources(site)
        for other in others:
            there = other / site.relative_to(environment)
            if there.is_dir():
                left = {path: _take(site / path, there / path, files) for path, files in left.items() if files}


def _sources(site: Path) -> dict[str, _Files]:
    sources: dict[str, _Files] = {}
    for parent, folders, _ in os.walk(site):
        path = os.path.relpath(parent, site)
        if path == _FOLDER or path.endswith(f"/{_FOLDER}") or _TESTS.search(f"/{path}/"):
            folders.clear()
            continue
        with os.scandir(parent) as entries:
            sources[path] = {entry.name: entry.inode() for entry in entries if entry.name.endswith(".py")}
    return sources


def _take(mine: Path, theirs: Path, files: _Files) -> _Files:
    """Returns the files whose bytecode is still missing."""
    try:
        with os.scandir(theirs) as entries:
            same = {entry.name for entry in entries if files.get(entry.name) == entry.inode()}
    except OSError:  # they have no such folder, or not any more
        return files
    if same:
        (mine / _FOLDER).mkdir(exist_ok=True)
    return {name: inode for name, inode in files.items() if name not in same or not _link(name, mine, theirs)}


def _link(name: str, mine: Path, theirs: Path) -> bool:
    compiled = Path(_FOLDER, f"{name.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc")
    try:
        os.link(theirs / compiled, mine / compiled)
    except OSError:  # not compiled there, or on another disk
        return False
    return True
