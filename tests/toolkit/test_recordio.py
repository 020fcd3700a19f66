"""recordio-protobuf: what is written is read again, bytes as other writers make them, and what is refused."""

from __future__ import annotations

import pytest

from clary_toolkit.algorithms.recordio import Record, Tensor, read, written


def test_what_is_written_is_read() -> None:
    records = [
        Record(Tensor([1.0, -2.5, 3.0]), 1.0),
        Record(Tensor([0.5, 4.0], [3, 300], 301), 0.0),
        Record(Tensor([7.0])),
    ]
    found = list(read(written(records)))
    assert [record.label for record in found] == [1.0, 0.0, None]
    assert [list(record.features.values) for record in found] == [[1.0, -2.5, 3.0], [0.5, 4.0], [7.0]]
    assert (list(found[1].features.keys), found[1].features.width) == ([3, 300], 301)


def test_bytes_of_one_dense_record() -> None:
    """features {values: float32_tensor [1.0]}: the frame byte by byte."""
    message = bytes.fromhex("0a12 0a06 76616c756573 1208 1206 0a04 0000803f")
    frame = bytes.fromhex("0a23d7ce 14000000") + message
    assert written([Record(Tensor([1.0]))]) == frame
    assert [list(record.features.values) for record in read(frame)] == [[1.0]]


def test_what_the_sdk_writes() -> None:
    """`write_numpy_to_dense_tensor` of [0, 1, 2] with label 1, and the same row by `write_spmatrix_to_sparse_tensor`,
    which writes the label as a double."""
    dense = (
        "0a23d7ce300000000a1a0a0676616c7565731210120e0a0c000000000000803f0000004012120a0676616c7565731208"
        "12060a040000803f"
    )
    (record,) = read(bytes.fromhex(dense))
    assert (list(record.features.values), record.label) == ([0.0, 1.0, 2.0], 1.0)
    sparse = (
        "0a23d7ce370000000a1d0a0676616c756573121312110a080000803f00000040120201021a010312160a0676616c7565"
        "73120c1a0a0a08000000000000f03f00"
    )
    (record,) = read(bytes.fromhex(sparse))
    assert (list(record.features.keys), list(record.features.values)) == ([1, 2], [1.0, 2.0])
    assert (record.features.width, record.label) == (3, 1.0)


@pytest.mark.parametrize("cut", [3, 9, 20])
def test_cut_data_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(read(written([Record(Tensor([1.0, 2.0]), 1.0)])[:cut]))


def test_other_data_is_refused() -> None:
    with pytest.raises(ValueError, match="no recordio frame"):
        list(read(b"1,2,3,4,5,6\n"))
