"""When a snapshot file is taken up and when not."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.base.snapshots import Routes, read_routes, write_routes
from clary.door.snapshots import Follower


class Followed:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "routes.json"
        self.installation = folder / "installation.json"
        self.installation.write_text("{}")
        self.applied: list[int] = []
        self.follower: Follower[Routes] = Follower(
            self.path, read_routes, lambda routes: self.applied.append(routes.number), self.installation
        )

    def write(self, number: int) -> bool:
        write_routes(self.path, Routes(number))
        return self.follower.look()


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_without_a_file_there_is_an_empty_snapshot(followed: Followed) -> None:
    assert followed.follower.look()
    assert not followed.follower.look()
    assert (followed.applied, followed.follower.number) == ([0], 0)


def test_only_growing_numbers_are_applied(followed: Followed) -> None:
    assert [followed.write(number) for number in (3, 3, 2, 7)] == [True, False, False, True]
    assert followed.applied == [3, 7]


def test_a_restored_installation_may_start_again_below(followed: Followed) -> None:
    followed.write(9)
    followed.installation.unlink()
    followed.installation.write_text('{"account": "2"}')
    assert followed.write(4)
    assert not followed.write(3)
    assert followed.applied == [9, 4]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '"x"', '{"number": "x", "endpoints": {"k": {}}}', '{"endpoints": 5}']
)
def test_a_damaged_file_leaves_the_old_snapshot_in_force(
    followed: Followed, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    followed.write(1)
    followed.path.write_text(content)
    assert not followed.follower.look()
    assert "cannot be read" in caplog.text
    assert followed.applied == [1]
    assert followed.write(2)


def test_a_vanished_file_changes_nothing(followed: Followed) -> None:
    followed.write(5)
    followed.path.unlink()
    assert not followed.follower.look()
    assert followed.applied == [5]
