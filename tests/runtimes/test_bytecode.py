"""Bytecode that an environment gets from others: only of the very same files, and good enough for Python."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from clary.runtimes import bytecode

SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
SOURCES = {
    "whole/__init__.py": "def where():\n    raise ValueError(__file__)\n",
    "whole/inner/part.py": "X = 1\n",
    "whole/tests/test_part.py": "X = 2\n",
    "single.py": "X = 3\n",
}


def environment(folder: Path) -> Path:
    """As the installer makes one: sources are links to the files of its cache."""
    for name, text in SOURCES.items():
        kept, placed = folder.parent / "cache" / name, folder / SITE / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        placed.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            kept.write_text(text)
        placed.hardlink_to(kept)
    return folder


def compiled(name: str) -> str:
    path = Path(name)
    return f"{SITE}/{path.parent}/__pycache__/{path.stem}.{sys.implementation.cache_tag}.pyc"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    folder = environment(tmp_path / "other")
    for name in SOURCES:
        py_compile.compile(str(folder / SITE / name), doraise=True)
    return folder


def test_what_has_been_compiled_is_shared_and_names_its_own_place(other: Path, tmp_path: Path) -> None:
    mine = environment(tmp_path / "mine")
    bytecode.adopt(mine, [tmp_path / "nowhere", other])
    for name in SOURCES:
        shared = (mine / compiled(name)).exists() and (mine / compiled(name)).samefile(other / compiled(name))
        assert shared == ("tests" not in name), name
    told = subprocess.run(
        [sys.executable, "-v", "-c", "import whole; whole.where()"],
        env={"PYTHONPATH": str(mine / SITE)},
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    assert f"code object from '{mine / compiled('whole/__init__.py')}'" in told
    assert f'File "{mine / SITE}/whole/__init__.py", line 2, in where' in told


def test_files_that_only_look_alike_are_not_taken_for_the_same(other: Path, tmp_path: Path) -> None:
    mine = environment(tmp_path / "mine")
    source = mine / SITE / "single.py"
    before = source.stat()
    source.unlink()
    source.write_text("X = 4\n")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    bytecode.adopt(mine, [other])
    assert (mine / compiled("whole/__init__.py")).samefile(other / compiled("whole/__init__.py"))
    assert not (mine / compiled("single.py")).exists()


def test_each_gives_what_it_has(other: Path, tmp_path: Path) -> None:
    half = environment(tmp_path / "half")
    (other / compiled("single.py")).unlink()
    py_compile.compile(str(half / SITE / "single.py"), doraise=True)
    mine = environment(tmp_path / "mine")
    py_compile.compile(str(mine / SITE / "whole/inner/part.py"), doraise=True)
    own = (mine / compiled("whole/inner/part.py")).stat().st_ino
    bytecode.adopt(mine, [half, other])
    assert (mine / compiled("single.py")).samefile(half / compiled("single.py"))
    assert (mine / compiled("whole/__init__.py")).samefile(other / compiled("whole/__init__.py"))
    assert (mine / compiled("whole/inner/part.py")).stat().st_ino == own
