"""The toolkit lies beside the environments, so that an update of Clary leaves those as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clary.runtimes import toolkit
from clary.runtimes.shared_folders import read_label
from clary.runtimes.toolkit import Toolkit
from tests.runtimes.conftest import MakeMachine


def test_it_is_built_once_with_its_bytecode(tmp_path: Path) -> None:
    path = Toolkit(tmp_path).prepare()
    assert list((path / "clary_toolkit" / "__pycache__").glob("*.pyc")), "units cannot write bytecode themselves"
    assert read_label(path) == "toolkit"
    (path / "seen").touch()
    assert Toolkit(tmp_path).prepare() == path
    assert (path / "seen").exists()


def test_what_was_not_finished_is_built_again(tmp_path: Path) -> None:
    path = Toolkit(tmp_path).prepare()
    (path / ".ready").unlink()
    (path / "clary_toolkit" / "__main__.py").write_text("half")
    Toolkit(tmp_path).prepare()
    assert (path / "clary_toolkit" / "__main__.py").read_text() != "half"


def test_other_files_are_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Toolkit(tmp_path).prepare()
    changed = tmp_path / "changed" / "clary_toolkit"
    shutil.copytree(toolkit._source(), changed)
    (changed / "added.py").touch()
    monkeypatch.setattr(toolkit, "_source", lambda: changed)
    second = Toolkit(tmp_path).prepare()
    assert second != first
    assert (second / "clary_toolkit" / "added.py").exists()
    assert first.exists(), "units that began with it go on"


def test_an_update_does_not_reach_who_has_placed_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Toolkit(tmp_path)
    server.place()
    first = server.prepare()
    monkeypatch.setattr(toolkit, "_source", lambda: tmp_path)
    assert server.prepare() == first


def test_a_server_starts_where_it_cannot_be_placed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    server = Toolkit(tmp_path / "file")
    server.place()
    with pytest.raises(OSError, match="file"):
        server.prepare()


@pytest.mark.parametrize("way", ["bwrap", "namespace", "plain"])
def test_units_find_it_behind_their_packages(make_machine: MakeMachine, tmp_path: Path, way: str) -> None:
    machine = make_machine(way, toolkit=Toolkit(tmp_path / "shared").prepare)
    found = "sys.path[-2] in clary_toolkit.__file__, sys.path[-1] in sagemaker_containers.__file__"
    machine.launch("u", f"import clary_toolkit, sagemaker_containers, sys; print({found})")
    machine.wait("u")
    assert machine.lines("u")[-1] == "True True"
