"""Snapshots that somebody has damaged are made anew by who writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from clary.base.snapshots import Access, AccessKey, next_number, read_access, recover, write_access


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"keys": {"a": {"b": 1}}}', b"\xff"])
def test_damage_counts_as_none_yet(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "access.json"
    path.write_bytes(damaged)
    assert recover(path, read_access) == Access()
    assert not path.exists()


def test_what_can_be_read_stays(tmp_path: Path) -> None:
    path = tmp_path / "access.json"
    access = Access(3, {"AKIA": AccessKey("secret", "arn", "1")})
    write_access(path, access)
    assert recover(path, read_access) == access
    assert path.exists()


def test_numbers_grow_also_where_the_file_was_lost() -> None:
    first = next_number(0, datetime(2026, 1, 1, tzinfo=UTC))
    second = next_number(first, datetime(2025, 1, 1, tzinfo=UTC))
    assert second == first + 1, "whatever a clock says that was set back"
    assert next_number(0, datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)) > second
