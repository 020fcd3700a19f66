"""JSON and CBOR bodies: bytes to documents, and documents to and from the values of a shape.

Both protocols have real types, so a wrong type is refused here, with the words AWS uses. Limits of the model
(length, pattern ...) are checked later, by `validation`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import cbor2

from clary.wire.catalog import Shape
from clary.wire.scalars import (
    MAX_DEPTH,
    Malformed,
    check_integer,
    check_text,
    read_blob,
    read_float,
    read_timestamp,
    write_blob,
    write_number,
    write_timestamp,
)

MOST_VALUES = 400_000
"""In one body: a PutMetricData with all that it may have is not far below."""
_TEXT_KINDS = {"string": "String", "integer": "Integer", "long": "Long", "boolean": "Boolean", "blob": "Blob"}


@dataclass(frozen=True, slots=True)
class Notation:
    """Where JSON and CBOR differ: member names, blobs, timestamps, floating point numbers."""

    name: Callable[[str, Shape], str]
    read_blob: Callable[[Any], bytes]
    write_blob: Callable[[Any], Any]
    write_timestamp: Callable[[Any, Shape], Any]
    write_float: Callable[[Any], Any]


def _json_timestamp(value: Any, shape: Shape) -> Any:
    return write_timestamp(value, shape.serialization.get("timestampFormat", "unixtimestamp"))


def _json_blob(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _wrong_type(value, "Blob")
    return read_blob(value)


def _cbor_blob(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise _wrong_type(value, "Blob")
    return value


JSON = Notation(
    name=lambda name, shape: shape.serialization.get("name", name),
    read_blob=_json_blob,
    write_blob=write_blob,
    write_timestamp=_json_timestamp,
    write_float=write_number,
)
CBOR = Notation(
    name=lambda name, _: name,
    read_blob=_cbor_blob,
    write_blob=lambda value: value.encode() if isinstance(value, str) else value,
    write_timestamp=lambda value, _: cbor2.CBORTag(1, write_timestamp(value, "unixtimestamp")),
    write_float=float,
)


def load_json(body: bytes) -> Any:
    """The document of a JSON body; no NaN, no half characters in the encoding, neither too deep nor too large."""
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Malformed("Could not parse the request body as JSON") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH or body.count(b",") >= MOST_VALUES:
        _check_extent(document)
    return document


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


def dump_json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _refuse_tag(*_: Any) -> NoReturn:
    raise Malformed("The CBOR body has a tag that is not allowed")


# The protocol knows one tag, 1 (timestamps). The decoder knows many more, among them shared references, which make
# cyclic documents, and others that build regular expressions and mail messages.
_OTHER_TAGS = (0, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 41, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)
_REFUSED_TAGS = dict.fromkeys(_OTHER_TAGS, _refuse_tag)


def load_cbor(body: bytes) -> Any:
    """The document of a CBOR body."""
    try:
        document = cbor2.loads(body, semantic_decoders=_REFUSED_TAGS, max_depth=MAX_DEPTH, strict_hashable_types=True)
    except (cbor2.CBORDecodeError, ValueError, OverflowError):
        raise Malformed("Could not parse the request body as CBOR") from None
    if len(body) > MOST_VALUES:
        _check_extent(document)
    return document


def dump_cbor(document: Any) -> bytes:
    return bytes(cbor2.dumps(document))


def _check_extent(document: Any) -> None:
    """Depth and number of values. Breadth first, so that the check itself cannot run out of stack."""
    level, depth, count = [document], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH:
            raise Malformed("The request body is nested too deeply")
        if count > MOST_VALUES:
            raise Malformed("The request body has too many values")
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]


def read(shape: Shape, value: Any, notation: Notation) -> Any:
    """A document as the value of a shape; unknown members are dropped, nulls are left out of structures."""
    if value is None:
        return None
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return value
        return _read_structure(shape, value, notation)
    if kind == "list":
        if not isinstance(value, list):
            raise Malformed("Expected list or null")
        return [read(shape.member, item, notation) for item in value]
    if kind == "map":
        if not isinstance(value, dict):
            raise Malformed("Expected map or null")
        return {_key(key): read(shape.value, item, notation) for key, item in value.items()}
    return _read_scalar(shape, value, notation)


def _read_structure(shape: Shape, value: Any, notation: Notation) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("Unexpected value where a structure was expected")
    result = {}
    for name, member in shape.members.items():
        inner = value.get(notation.name(name, member))
        if inner is not None:
            result[name] = read(member, inner, notation)
    return result


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise Malformed("A map key is not a string")
    return check_text(key)


def _read_scalar(shape: Shape, value: Any, notation: Notation) -> Any:
    kind = shape.type_name
    if kind == "string":
        if isinstance(value, str):
            return check_text(value)
    elif kind in ("integer", "long"):
        if isinstance(value, int) and not isinstance(value, bool):
            return check_integer(shape, value)
    elif kind == "boolean":
        if isinstance(value, bool):
            return value
    elif kind in ("float", "double"):
        return _read_float(value)
    elif kind == "timestamp":
        return _read_timestamp(shape, value)
    elif kind == "blob":
        return notation.read_blob(value)
    raise _wrong_type(value, _TEXT_KINDS.get(kind, kind.title()))


def _read_float(value: Any) -> float:
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return read_float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise Malformed("Number is out of range for a double") from None
    raise _wrong_type(value, "Double")


def _read_timestamp(shape: Shape, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _wrong_type(value, "Timestamp")
    return read_timestamp(value, shape.serialization.get("timestampFormat", ""))


def _wrong_type(value: Any, wanted: str) -> Malformed:
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return Malformed("Start of list found where not expected")
    if isinstance(value, bool):
        found = "TRUE_VALUE" if value else "FALSE_VALUE"
    elif isinstance(value, (int, float)):
        found = "NUMBER_VALUE"
    else:
        found = "STRING_VALUE"
    return Malformed(f"{found} can not be converted to a {wanted}")


def write(shape: Shape, value: Any, notation: Notation) -> Any:
    """The value of a shape as a document; members the shape does not have, and those that are None, are left out."""
    if value is None:  # an item of a list that may have holes
        return None
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return value
        return {
            notation.name(name, member): write(member, value[name], notation)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if kind == "list":
        return [write(shape.member, item, notation) for item in value]
    if kind == "map":
        return {key: write(shape.value, item, notation) for key, item in value.items() if item is not None}
    return _write_scalar(shape, value, notation)


def _write_scalar(shape: Shape, value: Any, notation: Notation) -> Any:
    kind = shape.type_name
    if kind == "timestamp":
        return notation.write_timestamp(value, shape)
    if kind == "blob":
        return notation.write_blob(value)
    if kind in ("float", "double"):
        return notation.write_float(value)
    return value
