"""Outputs of jobs on their way to S3, once and again and again, against objects in a dictionary."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clary.runtimes import uploads
from clary.runtimes.errors import ArchiveError, StagingError
from clary.runtimes.uploads import Synced
from tests.runtimes.memory import Memory


def test_outputs_are_stored_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "opt-ml" / "processing" / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.csv").write_text("1")
    (folder / "sub" / "b.csv").write_text("2")
    (folder / "stolen").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    for uri in ("s3://b/out", "s3://b/out/"):
        objects = Memory()
        assert uploads.upload_folder(objects, folder, uri, tmp_path / "opt-ml") == 2
        assert objects.content == {("b", "out/a.csv"): b"1", ("b", "out/sub/b.csv"): b"2"}
    objects = Memory()
    uploads.upload_folder(objects, folder, "s3://b")
    assert set(objects.content) == {("b", "a.csv"), ("b", "sub/b.csv")}


def test_an_output_folder_that_became_a_link(tmp_path: Path) -> None:
    (tmp_path / "opt-ml").mkdir()
    (tmp_path / "opt-ml" / "processing").symlink_to("/etc")
    with pytest.raises(ArchiveError, match="symbolic link"):
        uploads.upload_folder(Memory(), tmp_path / "opt-ml" / "processing" / "ssl", "s3://b/o", tmp_path / "opt-ml")


def test_output_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff")).write_text("1")
    with pytest.raises(StagingError, match="not UTF-8"):
        uploads.upload_folder(Memory(), tmp_path, "s3://b/o")


NOW = datetime(2026, 3, 4, tzinfo=UTC)


def synced(tmp_path: Path) -> Synced:
    folder = tmp_path / "opt-ml" / "checkpoints"
    folder.mkdir(parents=True)
    return Synced(folder, "s3://b/c", tmp_path / "opt-ml", tmp_path / "record.json")


def write(path: Path, content: bytes, seconds_ago: float) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (NOW.timestamp() - seconds_ago,) * 2)


def test_only_what_changed_and_rested_is_uploaded_while_the_job_runs(tmp_path: Path) -> None:
    kept, objects = synced(tmp_path), Memory()
    write(kept.folder / "1", b"old", 60)
    write(kept.folder / "sub" / "2", b"fresh", 0.5)
    assert kept.upload_rested(objects, NOW) == 1
    assert objects.content == {("b", "c/1"): b"old"}
    assert kept.upload_rested(objects, NOW + timedelta(seconds=2)) == 1
    assert objects.content[("b", "c/sub/2")] == b"fresh"
    objects.content.clear()
    assert kept.upload_rested(objects, NOW + timedelta(seconds=9)) == 0
    write(kept.folder / "1", b"new", 60)
    assert kept.upload_rested(objects, NOW) == 1
    assert objects.content == {("b", "c/1"): b"new"}, "of the same size and, as it says, of the same time"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["opt-ml", "record.json"]


def test_the_rest_follows_when_nothing_runs_any_more(tmp_path: Path) -> None:
    kept, objects = synced(tmp_path), Memory()
    write(kept.folder / "1", b"old", 60)
    kept.upload_rested(objects, NOW)
    write(kept.folder / "2", b"last", 0)
    objects.content.clear()
    assert kept.upload_rest(objects) == 1
    assert objects.content == {("b", "c/2"): b"last"}
    assert kept.upload_rest(objects) == 0


def test_what_came_from_s3_does_not_go_back(tmp_path: Path) -> None:
    kept, objects = synced(tmp_path), Memory()
    write(kept.folder / "1", b"restored", 60)
    kept.mark()
    assert kept.upload_rested(objects, NOW) == kept.upload_rest(objects) == 0


def test_a_file_that_changes_while_it_is_copied_is_left_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, objects = synced(tmp_path), Memory()
    write(kept.folder / "1", b"first half", 60)
    copy = shutil.copyfileobj

    def interrupted(source, target, length) -> None:
        copy(source, target, length)
        write(kept.folder / "1", b"first half, second half", 60)

    monkeypatch.setattr(shutil, "copyfileobj", interrupted)
    assert kept.upload_rested(objects, NOW) == 0
    monkeypatch.undo()
    assert kept.upload_rested(objects, NOW) == 1
    assert objects.content == {("b", "c/1"): b"first half, second half"}


def test_a_folder_that_becomes_a_link_on_the_way_shows_nothing_of_the_machine(tmp_path: Path) -> None:
    kept = synced(tmp_path)
    write(tmp_path / "outside" / "secret", b"secret", 60)
    write(kept.folder / "sub" / "secret", b"mine", 60)
    found = list(uploads.list_outputs(kept.folder, "c", kept.root))
    (kept.folder / "sub" / "secret").unlink()
    (kept.folder / "sub").rmdir()
    (kept.folder / "sub").symlink_to(tmp_path / "outside")
    ((path, _),) = found
    with pytest.raises(NotADirectoryError):
        uploads.open_below(kept.root, path)


def test_an_upload_that_was_cut_off_is_made_again_and_trouble_is_not_hurried(tmp_path: Path) -> None:
    kept = synced(tmp_path)
    write(kept.folder / "1", b"old", 60)

    class Refusing(Memory):
        def store(self, bucket: str, key: str, source: Path) -> None:
            raise OSError("no")

    now = datetime.now(UTC)
    assert kept.is_due(now)
    with pytest.raises(OSError, match="no"):
        kept.upload_rested(Refusing(), now)
    assert not kept.is_due(now)
    assert kept.is_due(now + timedelta(seconds=10))
    assert kept.upload_rested(Memory(), now) == 1


class Died(Exception):
    """The process ended here."""


POINTS = ("uploads.stored", "uploads.recorded")


@pytest.mark.parametrize("point", POINTS)
def test_a_death_between_two_uploads_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    kept, objects = synced(tmp_path), Memory()
    for name in ("1", "2"):
        write(kept.folder / name, name.encode(), 60)

    def die(name: str) -> None:
        if name == point:
            raise Died

    monkeypatch.setattr(uploads, "crash_here", die)
    with pytest.raises(Died):
        kept.upload_rested(objects, NOW)
    monkeypatch.undo()
    kept.upload_rested(objects, NOW)
    assert objects.content == {("b", "c/1"): b"1", ("b", "c/2"): b"2"}
    assert kept.upload_rest(objects) == 0
