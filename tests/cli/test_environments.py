"""`clary environments prune` where something is in its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.base.errors import ConfigurationError
from clary.cli import environments


def test_what_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def collect(*_arguments: object) -> Iterator[None]:
        raise PermissionError(1, "Operation not permitted", "/srv/shared/one")
        yield

    monkeypatch.setattr(environments, "collect", collect)
    with pytest.raises(ConfigurationError, match=r"^/srv/shared/one cannot be removed: Operation not permitted\.$"):
        environments.prune(older_than=30, data=tmp_path)


def test_a_file_of_several_environments_counts_once_in_the_total(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLARY_ENVIRONMENTS", str(tmp_path / "environments"))
    first, second = (tmp_path / "environments" / f"sklearn-1.2-{sign * 32}" for sign in "ab")
    first.mkdir(parents=True)
    second.mkdir()
    (first / "library").write_bytes(b"x" * 3 * 1024**2)
    (second / "library").hardlink_to(first / "library")
    environments.list_environments(size=True, data=tmp_path)
    _, *rows, total = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in (*rows, total)] == [["3", "MiB"]] * 3
