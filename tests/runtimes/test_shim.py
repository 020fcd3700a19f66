"""Parts of the shim that need no process of their own."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clary.runtimes import shim
from clary.runtimes.shim import memory
from clary.runtimes.shim.log import LINE_LIMIT, Log, _tidy


def test_it_needs_nothing_but_the_standard_library() -> None:
    begin = f"import sys; sys.path.append({str(Path(shim.__file__).parent.parent)!r}); import shim.launch"
    ask = "print(sorted(m for m in sys.modules if m.partition('.')[0] not in sys.stdlib_module_names))"
    command = [sys.executable, "-I", "-S", "-c", f"{begin}; {ask}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = set(ast.literal_eval(result.stdout))
    assert "shim.life" in found
    assert not [name for name in found if name.partition(".")[0] not in {"shim", "__main__"}]


def test_lines_that_could_not_be_written_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(str(tmp_path / "log"), 10**6)
    log.feed(b"one\n")

    def full(_descriptor: int, _block: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log.feed(b"two\nthree\n")
    log.feed(b"four\n")
    log.close()
    lines = [line.partition("\t")[2] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == ["one", "clary: 2 lines could not be written to the log", "four"]


def test_half_written_blocks_are_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(str(tmp_path / "log"), 10**6)
    log.feed(b"one\n")
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, block: real(descriptor, block[:5]))
        log.feed(b"two\n")
    log.feed(b"three\n")
    log.close()
    lines = [line.partition("\t")[2] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == ["one", "clary: 1 lines could not be written to the log", "three"]


def test_both_versions_of_memory_groups_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "4:memory:/docker/abc\n1:cpu,cpuacct:/x\n0::/user.slice/clary.service\n"
    monkeypatch.setattr(memory, "read", lambda _path: own)
    groups = {group.path: group for group in memory._possible_groups("n", 1000, "/cg")}
    assert list(groups) == [
        "/cg/memory/docker/abc/n",
        "/cg/memory/n",
        "/cg/user.slice/clary.service/n",
        "/cg/user.slice/n",
    ]
    assert groups["/cg/memory/n"].limits["memory.limit_in_bytes"] == ("1000", True)
    assert groups["/cg/user.slice/n"].limits["memory.max"] == ("1000", True)


@pytest.mark.parametrize(
    "events", ["oom 3\noom_kill 1\noom_group_kill 0\n", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"]
)
def test_the_kernels_kills_are_read(tmp_path: Path, events: str) -> None:
    group = memory.MemoryGroup(str(tmp_path), {}, "events")
    assert not group.killed()
    (tmp_path / "events").write_text(events)
    assert group.killed()
    (tmp_path / "events").write_text("oom_kill 0\n")
    assert not group.killed()


def test_a_machine_without_control_groups(tmp_path: Path) -> None:
    assert memory.make_memory_group("n", 1000, str(tmp_path / "none")) is None


def test_cutting_leaves_characters_whole() -> None:
    data = ("é" * LINE_LIMIT).encode()
    pieces = _tidy(b"x" + data)
    assert b"".join(pieces) == b"x" + data
    assert all(len(piece) <= LINE_LIMIT for piece in pieces)
