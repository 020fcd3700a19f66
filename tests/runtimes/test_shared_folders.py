"""The mark of a shared folder, and the stamp of its use, also where it can only be read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from clary.base import durable
from clary.runtimes.shared_folders import READY, USED, is_ready, mark_ready, read_label


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


def test_what_nobody_has_used_grows_old_as_well(folder: Path) -> None:
    assert (folder / USED).exists()


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
    if not stamped:
        (folder / USED).unlink()
    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(Path, "touch", refuse)
    assert is_ready(folder)
    assert len(calls) == (1 if stamped else 2)


def test_the_mark_comes_after_all_that_it_speaks_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(durable, "sync_file_system", lambda path: seen.append((path / READY).exists()))
    mark_ready(tmp_path, "one")
    assert seen == [False]
    assert is_ready(tmp_path)


def test_what_could_not_be_written_is_not_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_descriptor: int) -> int:
        return -1

    monkeypatch.setattr(durable, "_find_syncfs", lambda: lost)
    with pytest.raises(OSError, match=str(tmp_path)):
        mark_ready(tmp_path, "one")
    assert not is_ready(tmp_path)


def test_a_kernel_that_cannot_sync_one_file_system_syncs_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(durable, "_find_syncfs", lambda: None)
    monkeypatch.setattr(os, "sync", lambda: calls.append("sync"))
    mark_ready(tmp_path, "one")
    assert calls == ["sync"]
    assert is_ready(tmp_path)


def test_the_file_system_is_synced_really(tmp_path: Path) -> None:
    durable.sync_file_system(tmp_path)
    with pytest.raises(FileNotFoundError):
        durable.sync_file_system(tmp_path / "none")
