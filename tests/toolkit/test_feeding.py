"""Channels in Pipe mode: the feed command as a real process beside a real program, and the order of an epoch."""

from __future__ import annotations

import gzip
import json
import struct
import sys
from typing import Any

import pytest

from clary_toolkit.errors import UserError
from clary_toolkit.feeding.plan import Pipe
from clary_toolkit.feeding.stream import epoch_bytes
from tests.toolkit.running import OptMl

READ = "import sys; print([open(sys.argv[1] + '_' + str(e), 'rb').read() for e in range(int(sys.argv[2]))])"


def plan(opt_ml: OptMl, contents: list[bytes], **changes: Any) -> str:
    """Write the plan of one pipe with a record for each content; returns the pipe's path."""
    folder = opt_ml.base / "input" / "pipes" / "0"
    folder.mkdir(parents=True)
    (opt_ml.base / "input" / "data").mkdir()
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
    records = [[{"file": f"/opt/ml/input/pipes/0/{number}"}] for number in range(len(contents))]
    pipe = {"pipe": "/opt/ml/input/data/train", "records": records, "wrap": False, "unzip": False}
    document = {"pipes": [{**pipe, "seed": None, "share": [0, 1], **changes}]}
    (folder.parent / "plan.json").write_text(json.dumps(document))
    return str(opt_ml.base / "input" / "data" / "train")


def feed(opt_ml: OptMl, *program: str) -> tuple[int, str]:
    return opt_ml.run("feed", "--", *program)


def test_every_epoch_has_a_pipe_with_all_objects_in_order(opt_ml: OptMl) -> None:
    big = bytes(range(256)) * 4096
    path = plan(opt_ml, [b"one,", big, b"three"])
    code, output = feed(opt_ml, sys.executable, "-c", READ, path, "2")
    assert code == 0
    whole = b"one," + big + b"three"
    assert output.strip() == str([whole, whole])


def test_the_program_keeps_its_exit_code_and_its_signals(opt_ml: OptMl) -> None:
    plan(opt_ml, [b"x"])
    assert feed(opt_ml, "/bin/sh", "-c", "exit 7")[0] == 7
    end = "import os, signal; print(signal.getsignal(signal.SIGPIPE)); os.kill(os.getpid(), signal.SIGTERM)"
    (opt_ml.base / "input" / "data" / "train_0").unlink()
    assert feed(opt_ml, sys.executable, "-c", end)[0] == -15
    (opt_ml.base / "input" / "data" / "train_0").unlink()
    assert feed(opt_ml, "no-such-program")[0] == 127


def test_a_program_never_takes_half_of_its_data_for_the_whole(opt_ml: OptMl) -> None:
    path = plan(opt_ml, [gzip.compress(b"good"), gzip.compress(b"bad" * 1000)[:-10]], unzip=True)
    code, output = feed(opt_ml, sys.executable, "-c", READ, path, "1")
    assert code == -9
    assert "cannot be unpacked" in output
    assert "good" not in output
    assert "CompressionType is Gzip" in (opt_ml.base / "output" / "failure").read_text()


def test_an_algorithm_reads_the_first_epoch_as_one_file(opt_ml: OptMl) -> None:
    plan(opt_ml, [b"1,2\n", b"3,4\n"])
    take = "import os; from pathlib import Path; from clary_toolkit.layout import OptMl\n"
    take += "print(repr(OptMl(Path(os.environ['SAGEMAKER_BASE_DIR'])).first_pipe('train').read_text()))"
    assert opt_ml.run("feed", "--", sys.executable, "-c", take) == (0, "'1,2\\n3,4\\n'\n")


def pipe(count: int, seed: int | None = None, share: tuple[int, int] = (0, 1)) -> Pipe:
    return Pipe("p", [[{"text": str(number)}] for number in range(count)], False, False, seed, share)


def order(pipe: Pipe, epoch: int) -> list[int]:
    return [int(part["text"]) for part in pipe.parts(epoch)]


def test_a_seed_decides_the_order_of_every_epoch() -> None:
    assert order(pipe(50), 3) == list(range(50))
    first, second = order(pipe(50, 1), 0), order(pipe(50, 1), 1)
    assert sorted(first) == sorted(second) == list(range(50))
    assert len({tuple(first), tuple(second), tuple(range(50)), tuple(order(pipe(50, 2), 0))}) == 4
    assert order(pipe(50, 1), 0) == first


def test_with_a_seed_instances_share_every_epoch_anew() -> None:
    shares = [[order(pipe(9, 5, (index, 2)), epoch) for index in range(2)] for epoch in range(3)]
    for one, other in shares:
        assert sorted(one + other) == list(range(9))
    assert len({frozenset(one) for one, _ in shares}) > 1


def test_records_are_framed_and_padded() -> None:
    parts = [{"text": "12345"}, {"text": ""}, {"text": "1234"}]
    framed = b"".join(epoch_bytes(parts, wrap=True, unzip=False))
    head = struct.Struct("<II")
    expected = [head.pack(0xCED7230A, 5), b"12345\0\0\0", head.pack(0xCED7230A, 0), head.pack(0xCED7230A, 4), b"1234"]
    assert framed == b"".join(expected)


def test_what_is_too_long_for_a_record_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clary_toolkit.feeding.stream.LONGEST", 4)
    with pytest.raises(UserError, match="too long for one RecordIO record"):
        list(epoch_bytes([{"text": "12345"}], wrap=True, unzip=False))
