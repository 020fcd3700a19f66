"""`clary init`: a project on one's own data, and clear words about data that cannot work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def init(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clary.cli", "init", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text("name,age,left\nann,31,0\nbob,25,1\n")
    return path


def test_a_project_on_ones_own_data(tmp_path: Path, table: Path) -> None:
    done = init(tmp_path, "churn", "--csv", str(table), "--target", "left", "--smallest-auc", "0.8")
    assert done.returncode == 0, done.stderr
    project = tmp_path / "churn"
    settings = json.loads((project / "settings.json").read_text())
    assert (settings["name"], settings["target"], settings["smallest_auc"]) == ("churn", "left", 0.8)
    assert (project / "data" / "first.csv").read_bytes() == table.read_bytes()
    assert (project / "data" / "row.csv").read_text() == "ann,31\n"
    assert (project / "README.md").read_text().startswith("# churn")
    for file in project.rglob("*.py"):
        compile(file.read_text(), str(file), "exec")


def test_a_project_on_sample_data(tmp_path: Path) -> None:
    done = init(tmp_path, "sample")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "sample" / "data" / "first.csv").read_text().splitlines()
    assert len(lines) == 569
    assert lines[0].endswith(",target")
    assert len((tmp_path / "sample" / "data" / "row.csv").read_text().split(",")) == 30


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["x_y"], "no name"),
        (["-x"], ""),
        (["full"], "not empty"),
        (["a", "--csv", "nowhere.csv"], "no file"),
        (["a", "--csv", "mine.csv", "--target", "gone"], "no column 'gone'"),
        (["a", "--csv", "latin.csv", "--target", "left"], "not a CSV in UTF-8"),
        (["a", "--csv", "mine.csv", "--target", "age"], "must hold 0 or 1"),
        (["a", "--smallest-auc", "7"], "less than or equal to 1"),
    ],
)
def test_what_cannot_work_is_refused_and_nothing_written(
    tmp_path: Path, table: Path, words: list[str], complaint: str
) -> None:
    (tmp_path / "latin.csv").write_bytes("name,left\nJos\u00e9,1\n".encode("latin-1"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    done = init(tmp_path, *words)
    assert done.returncode != 0
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
