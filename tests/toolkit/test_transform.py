"""The pieces of the transform driver: splitting, the JSONPath subset, filters and joins."""

from __future__ import annotations

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary_toolkit.transform.paths import Path, PathError
from clary_toolkit.transform.processing import Processing
from clary_toolkit.transform.splitting import RECORDIO_MAGIC, BadObject, batches

LINES = st.lists(st.binary(min_size=1, max_size=12).map(lambda b: b.replace(b"\n", b"x").replace(b"\r", b"y")))


@given(LINES, st.integers(min_value=13, max_value=40), st.booleans())
def test_blocks_hold_whole_lines_and_lose_nothing(lines: list[bytes], limit: int, ended: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    blocks = list(batches(io.BytesIO(data), "Line", limit, single=False))
    assert b"".join(blocks) == data
    assert all(len(block) <= limit for block in blocks)
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    assert list(batches(io.BytesIO(data), "Line", limit, single=True)) == lines


def test_a_record_that_is_too_large_is_refused() -> None:
    for kind, single in (("Line", True), ("Line", False), ("None", False)):
        with pytest.raises(BadObject, match="MaxPayloadInMB"):
            list(batches(io.BytesIO(b"1" * 50), kind, 20, single=single))


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_binary_records_keep_their_frames(records: list[bytes]) -> None:
    framed = [struct.pack("<II", RECORDIO_MAGIC, len(each)) + each + b"\0" * (-len(each) % 4) for each in records]
    assert list(batches(io.BytesIO(b"".join(framed)), "RecordIO", 100, single=True)) == framed
    framed = [struct.pack("<Q", len(each)) + b"crc1" + each + b"crc2" for each in records]
    assert list(batches(io.BytesIO(b"".join(framed)), "TFRecord", 100, single=True)) == framed
    joined = list(batches(io.BytesIO(b"".join(framed)), "TFRecord", 100, single=False))
    assert b"".join(joined) == b"".join(framed)
    if framed:
        with pytest.raises(BadObject, match="inside a record"):
            list(batches(io.BytesIO(b"".join(framed)[:-1]), "TFRecord", 100, single=True))


@pytest.mark.parametrize(
    ("expression", "value", "selected"),
    [
        ("$", [1, 2], [1, 2]),
        ("$[0]", [1, 2, 3], 1),
        ("$[-1]", [1, 2, 3], 3),
        ("$[0,2]", [1, 2, 3], [1, 3]),
        ("$[1:]", [1, 2, 3], [2, 3]),
        ("$[:2]", [1, 2, 3], [1, 2]),
        ("$.a.b", {"a": {"b": 7}}, 7),
        ("$['a','c']", {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}),
        ("$.rows[*].x", {"rows": [{"x": 1}, {"x": 2}]}, [1, 2]),
        ("$.*", {"a": 1, "b": 2}, [1, 2]),
    ],
)
def test_paths(expression: str, value: object, selected: object) -> None:
    assert Path(expression).select(value) == selected


@pytest.mark.parametrize("expression", ["", "a", "$[", "$[?(@.x)]", "$..a", "$['a',]", "$[1:2:0]"])
def test_what_is_no_path(expression: str) -> None:
    with pytest.raises(PathError):
        Path(expression)


def test_what_is_not_there() -> None:
    for expression in ("$[3]", "$[-4]", "$[0,9]", "$.name"):
        with pytest.raises(PathError):
            Path(expression).select([1, 2, 3])


def test_json_lines_are_joined() -> None:
    kind = "application/jsonlines"
    processing = Processing({"InputFilter": "$.x", "JoinSource": "Input"}, kind, kind, splits_lines=True)
    records, body = processing.body(b'{"id": 1, "x": 5}\n{"id": 2, "x": 6}\n')
    assert body == b"5\n6\n"
    joined = processing.result(records, b"[50, 60]")
    assert [json.loads(line) for line in joined.splitlines()] == [
        {"id": 1, "x": 5, "SageMakerOutput": 50},
        {"id": 2, "x": 6, "SageMakerOutput": 60},
    ]
    with pytest.raises(BadObject, match="1 predictions for 2 records"):
        processing.result(records, b"[50]")


def test_a_json_record_that_is_no_object() -> None:
    processing = Processing({"JoinSource": "Input"}, "application/json", "application/json", splits_lines=False)
    records, body = processing.body(b"[1, 2]")
    assert body == b"[1, 2]"
    assert json.loads(processing.result(records, b"3")) == {"SageMakerInput": [1, 2], "SageMakerOutput": 3}
