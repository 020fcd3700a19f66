"""Rows of numbers for the built-in algorithms: out of CSV, recordio-protobuf and JSON, for training and for requests.

What is sparse stays sparse. Errors are ValueErrors that name the line or the record; who calls knows the file.
"""

from __future__ import annotations

import importlib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary_toolkit.algorithms import recordio
from clary_toolkit.algorithms.recordio import Record, Tensor

# By name: the tests and tools of this package run without them.
numpy: Any = importlib.import_module("numpy")
sparse: Any = importlib.import_module("scipy.sparse")

_LARGEST = 3.4e38  # what a number of four bytes can hold


@dataclass(frozen=True)
class Table:
    """`features` is a numpy array or a CSR matrix of rows; `labels` has one number for each, where there are any."""

    features: Any
    labels: Any = None

    @property
    def height(self) -> int:
        return int(self.features.shape[0])

    @property
    def width(self) -> int:
        return int(self.features.shape[1])


def dense(features: Any) -> Any:
    return features.toarray() if sparse.issparse(features) else features


def from_csv(text: str, label_size: int) -> Table:
    """The label, where there is one, comes first."""
    if not text.strip():
        return Table(numpy.zeros((0, 0), "f4"))
    try:
        values = numpy.loadtxt(io.StringIO(text, newline=None), delimiter=",", dtype="f8", ndmin=2, comments=None)
    except ValueError as error:
        raise ValueError(_csv_trouble(text) or str(error)) from error
    finite = numpy.abs(values) <= _LARGEST
    if not finite.all():
        row, column = (int(place) + 1 for place in numpy.argwhere(~finite)[0])
        raise ValueError(f"row {row}, column {column} is no finite number")
    if values.shape[1] <= label_size:
        raise ValueError(f"{values.shape[1]} columns are no more than the label: there are no features")
    return Table(values[:, label_size:].astype("f4"), values[:, 0] if label_size else None)


def label_size(content_type: str, default: int) -> int:
    """What a content type says of the labels in a CSV file: 0 or 1 of them. Raises ValueError."""
    for parameter in content_type.split(";")[1:]:
        name, _, text = (part.strip().lower() for part in parameter.partition("="))
        if name == "label_size":
            if text not in {"0", "1"}:
                raise ValueError(f"must be 0 or 1, not {text!r}")
            return int(text)
    return default


def from_records(data: bytes, width: int = 0) -> Table:
    """`width` is the number of columns that sparse rows have at least."""
    return _stacked(recordio.read(data), width)


def from_json(text: str, width: int = 0) -> Table:
    """`{"instances": [...]}`; each one as `_json_record` reads it."""
    document = json.loads(text)
    instances = document.get("instances") if isinstance(document, Mapping) else None
    if not isinstance(instances, list):
        raise ValueError('an object with a list "instances" is needed')
    return _stacked(map(_json_record, instances), width)


def from_json_lines(text: str, width: int = 0) -> Table:
    return _stacked((_json_record(json.loads(line)) for line in text.splitlines() if line.strip()), width)


def joined(tables: Sequence[Table]) -> Table:
    """One below the other. Raises ValueError when they do not fit."""
    widths = {table.width for table in tables}
    if len(widths) > 1:
        raise ValueError(f"the files have rows of different lengths: {', '.join(map(str, sorted(widths)))}")
    parts = [table.features for table in tables]
    whole = sparse.vstack(parts, "csr") if any(map(sparse.issparse, parts)) else numpy.concatenate(parts)
    labels = [table.labels for table in tables]
    return Table(whole, None if any(each is None for each in labels) else numpy.concatenate(labels))


def _csv_trouble(text: str) -> str:
    """The first line that is wrong, and how."""
    length = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        fields = line.split(",")
        for field in fields:
            try:
                float(field)
            except ValueError:
                return f"line {number}: {field.strip()[:50]!r} is no number"
        length = length or len(fields)
        if len(fields) != length:
            return f"line {number} has {len(fields)} fields instead of {length}"
    return ""


def _json_record(value: Any) -> Record:
    """`{"features": X}` or `{"data": {"features": X}}`; X is `[...]` or `{"values": [...], "keys": [...], "shape":
    [...]}`."""
    data = value.get("data") if isinstance(value, Mapping) and "features" not in value else value
    features = data.get("features") if isinstance(data, Mapping) else None
    if isinstance(features, list):
        return Record(Tensor(_numbers(features)))
    if not isinstance(features, Mapping) or "values" not in features:
        raise ValueError(
            'an instance needs "features", or "data" with "features": a list, or an object with "values"'
        )
    keys, shape = _wholes(features.get("keys")), _wholes(features.get("shape"))
    return Record(Tensor(_numbers(features["values"]), keys, shape[-1] if shape else 0))


def _numbers(values: Any) -> list[float]:
    if not isinstance(values, list) or not all(
        isinstance(each, (int, float)) and not isinstance(each, bool) for each in values
    ):
        raise ValueError("features must be a list of numbers")
    return values


def _wholes(values: Any) -> list[int]:
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(each, int) and each >= 0 for each in values):
        raise ValueError("keys and shape must be lists of whole numbers")
    return values


def _stacked(records: Iterable[Record], width: int) -> Table:
    """CSR as soon as one record is sparse."""
    rows: list[Any] = []
    keys: list[Any] = []
    labels: list[float | None] = []
    widths: set[int] = set()
    for number, record in enumerate(records, 1):
        tensor = record.features
        row = numpy.array(tensor.values, "f8")
        if not (numpy.abs(row) <= _LARGEST).all() or (record.label is not None and not math.isfinite(record.label)):
            raise ValueError(f"record {number} holds a value that is no finite number")
        widths.add(0 if tensor.keys else len(tensor.values))
        width = max(width, tensor.width, max(tensor.keys, default=-1) + 1)
        rows.append(row.astype("f4"))
        keys.append(tensor.keys)
        labels.append(record.label)
    if not rows:
        return Table(numpy.zeros((0, width), "f4"))
    found = numpy.array(labels, "f8") if all(label is not None for label in labels) else None
    if not any(keys) and (widths != {0} or not width):
        if len(widths) > 1:
            raise ValueError(f"rows have different lengths: {', '.join(map(str, sorted(widths)))}")
        return Table(numpy.stack(rows), found)
    return Table(_csr(rows, keys, max(width, *widths)), found)


def _csr(rows: Sequence[Any], keys: Sequence[Sequence[int]], width: int) -> Any:
    columns = [numpy.array(own or range(len(row)), "i8") for own, row in zip(keys, rows)]
    starts = numpy.cumsum([0, *map(len, rows)])
    matrix = sparse.csr_matrix((numpy.concatenate(rows), numpy.concatenate(columns), starts), (len(rows), width))
    matrix.sum_duplicates()
    return matrix
