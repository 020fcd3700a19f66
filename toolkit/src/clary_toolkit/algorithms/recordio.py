"""recordio-protobuf, the record format of the built-in algorithms: reading and writing. Pure.

A file is a row of frames (a magic number, a length, a protobuf message, padding to four bytes). Only the tensors of
features and labels are read; other fields of a message are passed over.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MEDIA_TYPE = "application/x-recordio-protobuf"
_MAGIC = 0xCED7230A
# Fields of the message Value: the tensor's field number -> the struct code of its values.
_TENSORS = {2: "f", 3: "d", 7: "i"}
_WIDTHS = {1: 8, 5: 4}


@dataclass(frozen=True)
class Tensor:
    """Dense when `keys` is empty; otherwise `keys` are the columns of `values`. `width` is 0 where unknown."""

    values: Sequence[float]
    keys: Sequence[int] = ()
    width: int = 0


@dataclass(frozen=True)
class Record:
    features: Tensor
    label: float | None = None


def read(data: bytes) -> Iterator[Record]:
    """Raises ValueError for what is no recordio-protobuf."""
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise ValueError("a record's header is cut off")
        magic, length = struct.unpack_from("<II", data, at)
        if magic != _MAGIC or length >> 29:
            raise ValueError("no recordio frame, or one that is split in parts")
        if at + 8 + length > len(data):
            raise ValueError("a record is cut off")
        yield _record(data[at + 8 : at + 8 + length])
        at += 8 + length + -length % 4


def written(records: Iterable[Record]) -> bytes:
    return b"".join(map(_frame, records))


def answers(rows: Iterable[Mapping[str, Sequence[float]]]) -> bytes:
    """Records without features; their labels are these tensors by name, as model servers answer."""
    return b"".join(
        _framed(b"".join(_entry(2, Tensor(values), name.encode()) for name, values in row.items())) for row in rows
    )


def _frame(record: Record) -> bytes:
    message = _entry(1, record.features)
    if record.label is not None:
        message += _entry(2, Tensor([record.label]))
    return _framed(message)


def _framed(message: bytes) -> bytes:
    return struct.pack("<II", _MAGIC, len(message)) + message + bytes(-len(message) % 4)


def _entry(field: int, tensor: Tensor, name: bytes = b"values") -> bytes:
    body = _block(1, struct.pack(f"<{len(tensor.values)}f", *tensor.values))
    if tensor.keys:
        body += _block(2, b"".join(map(_varint, tensor.keys)))
    if tensor.width:
        body += _block(3, _varint(tensor.width))
    return _block(field, _block(1, name) + _block(2, _block(2, body)))


def _block(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _record(message: bytes) -> Record:
    tensors: dict[int, Tensor] = {}
    for field, body in _fields(message):
        if field in (1, 2):
            entry = dict(_fields(body))
            if entry.get(1) == b"values":
                tensors[field] = _value(entry.get(2, b""))
    if 1 not in tensors:
        raise ValueError("a record has no features named values")
    label = tensors.get(2)
    return Record(tensors[1], label.values[0] if label is not None and label.values else None)


def _value(message: bytes) -> Tensor:
    for field, body in _fields(message):
        if field in _TENSORS:
            return _tensor(_TENSORS[field], body)
    return Tensor(())


def _tensor(code: str, message: bytes) -> Tensor:
    values: array[float] = array("d" if code == "i" else code)
    keys: list[int] = []
    shape: list[int] = []
    for field, body in _fields(message):
        if field == 1:
            _add_numbers(values, code, body)
        elif field in (2, 3):
            (keys if field == 2 else shape).extend(_varints(body))
    if keys and len(keys) != len(values):
        raise ValueError("a sparse tensor has not as many keys as values")
    return Tensor(values, keys, shape[-1] if shape else 0)


def _add_numbers(values: array[float], code: str, body: bytes) -> None:
    if code == "i":
        values.extend((number & 0xFFFFFFFF ^ 0x80000000) - 0x80000000 for number in _varints(body))
        return
    if len(body) % values.itemsize:
        raise ValueError("a tensor's values are cut off")
    found: array[float] = array(code, body)
    if sys.byteorder == "big":
        found.byteswap()
    values.extend(found)


def _varints(body: bytes) -> Iterator[int]:
    at = 0
    while at < len(body):
        number, at = _read_varint(body, at)
        yield number


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """(field number, its bytes); a number that is not packed counts as a pack of one."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        start, kind = at, key & 7
        if kind == 2:
            length, start = _read_varint(message, at)
            at = start + length
        elif kind == 0:
            _, at = _read_varint(message, at)
        elif kind in _WIDTHS:
            at += _WIDTHS[kind]
        else:
            raise ValueError("no protobuf message")
        if at > len(message):
            raise ValueError("a protobuf message is cut off")
        yield key >> 3, message[start:at]


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a protobuf message is cut off")
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise ValueError("a number of a protobuf message is too long")
