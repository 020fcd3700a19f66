"""A server takes a new folder, an empty one or its own; never somebody else's, and never half an installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.base.data_folder import refuse_foreign
from clary.base.errors import ConfigurationError
from clary.base.installation import ensure_installation, load_installation
from clary.base.settings import Settings


def test_somebody_elses_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("x")
    with pytest.raises(ConfigurationError, match=r"letters\.txt"):
        refuse_foreign(Settings(data=tmp_path).layout)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_new_hidden_and_own_things_are_no_hindrance(tmp_path: Path) -> None:
    refuse_foreign(Settings(data=tmp_path / "new").layout)
    home = Settings(data=tmp_path / "home")
    home.layout.create()
    (home.data / ".profile").write_text("")
    refuse_foreign(home.layout)  # a first start that was cut off
    ensure_installation(home)
    (home.data / "notes.txt").write_text("")
    refuse_foreign(home.layout)


def test_records_without_their_installation_get_no_other_one(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    settings.layout.database.write_bytes(b"records")
    with pytest.raises(ConfigurationError, match=r"installation\.json is missing"):
        ensure_installation(settings)
    assert not settings.layout.installation.exists()


def test_objects_without_their_records_are_not_taken_for_rubbish(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    ensure_installation(settings)
    ensure_installation(settings)  # no records and no objects: the first start was cut off
    blob = settings.layout.blobs / "a" / "b" / "ab12"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"object")
    with pytest.raises(ConfigurationError, match=r"clary\.db is missing"):
        ensure_installation(settings)


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_is_no_folder_and_holds_no_installation(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(data=tmp_path / name)
    refuse_foreign(settings.layout)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        settings.layout.create()
    with pytest.raises(ConfigurationError, match=f"clary serve --data {tmp_path}"):
        load_installation(settings)
