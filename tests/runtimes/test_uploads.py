"""Outputs of jobs on their way to S3, once and again and again, against objects in a dictionary."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clary.runtimes import uploads
from clary.runtimes.errors import ArchiveError, StagingError
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
