"""Merging trees: the first one's files stay, and no link leads out."""

from __future__ import annotations

from pathlib import Path

from clary.runtimes.merging import merge


def test_what_is_missing_is_added_and_what_is_there_stays(tmp_path: Path) -> None:
    first, second, outside = tmp_path / "1", tmp_path / "2", tmp_path / "outside"
    for folder in (first, second / "deep", second / "out", outside):
        folder.mkdir(parents=True)
    (first / "same").write_text("first")
    (first / "out").symlink_to(outside)
    (second / "same").write_text("second")
    (second / "deep" / "more").write_text("more")
    (second / "out" / "evil").write_text("evil")
    (second / "link").symlink_to("deep/more")
    for _ in range(2):
        merge(second, first)
    assert (first / "same").read_text() == "first"
    assert (first / "deep" / "more").read_text() == "more"
    assert (first / "link").is_symlink()
    assert list(outside.iterdir()) == []
