"""The mark of a shared folder, and the stamp of its use, also where it can only be read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from clary.runtimes.shared_folders import USED, is_ready, mark_ready, read_label


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "one"
    path.mkdir()
    mark_ready(path, "scikit-learn 1.2.2")
    return path


def test_a_use_is_stamped(folder: Path) -> None:
    assert is_ready(folder)
    os.utime(folder / USED, (0, 0))
    assert is_ready(folder)
    assert (folder / USED).stat().st_mtime > 0
    assert read_label(folder) == "scikit-learn 1.2.2"


def test_what_is_not_marked_is_not_stamped(tmp_path: Path) -> None:
    assert not is_ready(tmp_path)
    assert not (tmp_path / USED).exists()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
@pytest.mark.parametrize("stamped", [True, False])
def test_a_folder_that_can_only_be_read_is_used_without_a_stamp(
    folder: Path, number: int, stamped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_arguments: object, **_named: object) -> None:
        if not stamped and not path.exists() and calls == []:
            calls.append(path)
            raise FileNotFoundError(errno.ENOENT, "gone", str(path))
        calls.append(path)
        raise OSError(number, "refused", str(path))

    calls: list[Path] = []
    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(Path, "touch", refuse)
    assert is_ready(folder)
    assert len(calls) == (1 if stamped else 2)
