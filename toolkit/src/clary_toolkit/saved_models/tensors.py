"""JSON to arrays and back, by the rules of TensorFlow Serving's REST interface.

Inputs are strict: a number is no word, a fraction no whole number, and shapes must be those of the signature.
numpy is imported by name, once a model has been loaded: the user's environment brings it.
"""

from __future__ import annotations

import base64
import binascii
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary_toolkit.saved_models.refusal import Refusal

FLOAT, INTEGER, BOOLEAN, STRING = "float", "integer", "boolean", "string"
# What kinds of numpy array may become what kind of tensor.
_TAKEN = {FLOAT: "iuf", INTEGER: "iu", BOOLEAN: "b"}


@dataclass(frozen=True)
class Input:
    """One input of a signature. `dtype` is numpy's, `kind` one of the words above; no `shape`: any will do."""

    name: str
    kind: str
    dtype: Any
    shape: Sequence[int | None] | None = None


Inputs = Mapping[str, Input]


def arrays_of(document: Mapping[str, Any], inputs: Inputs) -> tuple[dict[str, Any], int | None]:
    """An array for each input, and the number of rows when the request came in rows. Raises Refusal."""
    if ("instances" in document) == ("inputs" in document):
        raise Refusal(400, "Not formatted correctly: the request needs either 'instances' or 'inputs'")
    if "instances" in document:
        rows = document["instances"]
        if not isinstance(rows, list) or not rows:
            raise Refusal(400, "'instances' must be a list of at least one instance")
        columns, count = _columns_of_rows(rows, inputs), len(rows)
        return {name: _array(columns[name], inputs[name]) for name in inputs}, count
    columns = _named(document["inputs"], inputs, "'inputs'")
    return {name: _array(columns[name], inputs[name]) for name in inputs}, None


def document_of(arrays: Mapping[str, Any], rows: int | None) -> dict[str, Any]:
    """The answer: one output stands for itself, several go by their names, in each row or once. Raises Refusal."""
    if rows is not None:
        for name, array in arrays.items():
            if array.ndim == 0 or array.shape[0] != rows:
                got = array.shape[0] if array.ndim else "no rows"
                raise Refusal(
                    400, f"output {name} has {got} for {rows} instances; send 'inputs' instead of 'instances'"
                )
    values = {name: _plain(name, array) for name, array in arrays.items()}
    if rows is None:
        return {"outputs": next(iter(values.values())) if len(values) == 1 else values}
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row)) for row in zip(*values.values())]}


def is_bytes_object(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def decoded_bytes(value: Mapping[str, Any]) -> bytes:
    """`{"b64": "..."}`. Raises Refusal."""
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise Refusal(400, f"b64 does not hold base64: {error}") from error


def _columns_of_rows(rows: list[Any], inputs: Inputs) -> Mapping[str, Any]:
    if not isinstance(rows[0], dict) or is_bytes_object(rows[0]):
        return _named(rows, inputs, "each instance")
    wanted = inputs.keys()
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != wanted:
            _refuse_names(row, inputs, f"element {number} of 'instances'")
    return {name: [row[name] for row in rows] for name in wanted}


def _named(value: Any, inputs: Inputs, what: str) -> Mapping[str, Any]:
    """By name; a bare value is meant for the only input there is."""
    if isinstance(value, dict) and not is_bytes_object(value):
        if value.keys() != inputs.keys():
            _refuse_names(value, inputs, what)
        return value
    if len(inputs) != 1:
        raise Refusal(400, f"{what} must be an object with the inputs of the signature: {', '.join(sorted(inputs))}")
    return {next(iter(inputs)): value}


def _refuse_names(value: Any, inputs: Inputs, what: str) -> None:
    names = ", ".join(sorted(inputs))
    if not isinstance(value, dict):
        raise Refusal(400, f"{what} is not an object with the inputs of the signature: {names}")
    missing = sorted(inputs.keys() - value.keys())
    if missing:
        raise Refusal(400, f"{what} does not have named input: {', '.join(missing)}; the signature takes: {names}")
    raise Refusal(400, f"{what}: keys must be equal to: {names}")


def _array(value: Any, wanted: Input) -> Any:
    numpy = importlib.import_module("numpy")
    array = _strings(numpy, value, wanted) if wanted.kind == STRING else _numbers(numpy, value, wanted)
    if not _fits(array.shape, wanted.shape):
        shape = ", ".join("-1" if size is None else str(size) for size in wanted.shape or ())
        got = ", ".join(map(str, array.shape))
        raise Refusal(400, f"input {wanted.name} has shape ({got}); the signature takes ({shape})")
    return array


def _numbers(numpy: Any, value: Any, wanted: Input) -> Any:
    if wanted.kind not in _TAKEN:
        raise Refusal(400, f"input {wanted.name} of type {wanted.dtype} cannot be given as JSON")
    try:
        array = numpy.array(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise Refusal(400, f"input {wanted.name}: the lists have different lengths") from error
    if array.size and array.dtype.kind not in _TAKEN[wanted.kind]:
        raise Refusal(400, f"input {wanted.name}: JSON value is not of expected type: {wanted.kind}")
    if array.size and wanted.kind == INTEGER:
        limits = numpy.iinfo(wanted.dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise Refusal(400, f"input {wanted.name}: a number does not fit into {numpy.dtype(wanted.dtype).name}")
    return array.astype(wanted.dtype)


def _strings(numpy: Any, value: Any, wanted: Input) -> Any:
    array = numpy.array(_encoded(value, wanted), dtype=object)
    if any(not isinstance(each, bytes) for each in array.flat):
        raise Refusal(400, f"input {wanted.name}: the lists have different lengths")
    return array


def _encoded(value: Any, wanted: Input) -> Any:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [_encoded(each, wanted) for each in value]
    if is_bytes_object(value):
        return decoded_bytes(value)
    raise Refusal(400, f"input {wanted.name}: JSON value is not of expected type: string")


def _fits(shape: Sequence[int], wanted: Sequence[int | None] | None) -> bool:
    """A last size of 1 may be left out, as models of scalars are called; the graph decides whether it can do."""
    if wanted is None:
        return True
    if wanted[-1:] == (1,) and len(shape) == len(wanted) - 1 > 0:
        wanted = wanted[:-1]
    return len(shape) == len(wanted) and all(size in {None, given} for given, size in zip(shape, wanted))


def _plain(name: str, array: Any) -> Any:
    """Bytes as text; as base64 where the output's name ends with `_bytes` or they are no text."""
    if array.dtype.kind == "O":
        return _text(array.tolist(), binary=name.endswith("_bytes"))
    # What numpy itself does not know: bfloat16 and its like.
    return (array.astype("float32") if array.dtype.kind == "V" else array).tolist()


def _text(value: Any, *, binary: bool) -> Any:
    if isinstance(value, list):
        return [_text(each, binary=binary) for each in value]
    data = value if isinstance(value, bytes) else str(value).encode()
    if not binary:
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(data).decode()}
