"""Channels of the XGBoost algorithm: all files of a folder as one matrix with labels."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clary_toolkit.algorithms import recordio
from clary_toolkit.algorithms.recordio import Record
from clary_toolkit.errors import UserError

LIBSVM = frozenset({"", "libsvm", "text/libsvm", "text/x-libsvm"})
CSV = frozenset({"csv", "text/csv"})
PARQUET = frozenset({"parquet", "application/x-parquet"})


def read_channel(folder: Path, content_type: str, *, csv_weights: bool, width: int = 0) -> Any:
    """An xgboost.DMatrix. `width` is the number of columns that sparse rows have at least. Raises UserError."""
    kind = content_type.split(";", 1)[0].strip().lower()
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise UserError(f"the channel {folder.name} holds no files")
    if kind not in LIBSVM | CSV | PARQUET | {recordio.MEDIA_TYPE}:
        raise UserError(
            f"the content type {content_type!r} of the channel {folder.name} is not supported;"
            " supported: text/csv, text/libsvm, application/x-parquet, application/x-recordio-protobuf"
        )
    try:
        if kind in LIBSVM:
            return _libsvm(files, width)
        if kind == recordio.MEDIA_TYPE:
            return _records(files, width)
        return _labelled(_csv(files) if kind in CSV else _parquet(files), csv_weights and kind in CSV)
    except (ValueError, IndexError, TypeError) as error:
        taken = kind or "libsvm (no ContentType was given; text/csv is another)"
        raise UserError(f"the channel {folder.name} is not valid {taken}: {error}") from error


def _csv(files: list[Path]) -> Any:
    """Fields that are empty are missing values."""
    numpy = importlib.import_module("numpy")
    return numpy.concatenate([_csv_table(numpy, path.read_text()) for path in files if path.stat().st_size])


def _csv_table(numpy: Any, text: str) -> Any:
    try:
        return numpy.loadtxt(io.StringIO(text), delimiter=",", dtype="f4", ndmin=2, comments=None)
    except ValueError:
        rows = [line.split(",") for line in text.splitlines() if line.strip()]
        return numpy.array([[float(field) if field.strip() else numpy.nan for field in row] for row in rows], "f4")


def _parquet(files: list[Path]) -> Any:
    try:
        pandas = importlib.import_module("pandas")
        return pandas.concat([pandas.read_parquet(path) for path in files]).to_numpy("f4")
    except ImportError as error:
        raise UserError(f"Parquet needs pandas and pyarrow, which this environment does not have: {error}") from error


def _labelled(table: Any, weights: bool) -> Any:
    """The first column is the label; with `weights` the second one is the row's weight."""
    xgboost = importlib.import_module("xgboost")
    first = 2 if weights else 1
    if table.shape[1] <= first:
        raise UserError(f"the training data has {table.shape[1]} columns: the label, but no features")
    return xgboost.DMatrix(table[:, first:], label=table[:, 0], weight=table[:, 1] if weights else None)


def _libsvm(files: list[Path], width: int) -> Any:
    """`label[:weight] index:value ...`; a `qid` names the row's group."""
    labels: list[float] = []
    values: list[float] = []
    columns: list[int] = []
    starts, groups = [0], []
    for path in files:
        for line in path.read_text().splitlines():
            fields = line.split("#", 1)[0].split()
            if not fields:
                continue
            labels.append(float(fields[0].partition(":")[0]))
            for field in fields[1:]:
                index, _, value = field.partition(":")
                if index == "qid":
                    groups.append(int(value))
                else:
                    columns.append(int(index))
                    values.append(float(value))
            starts.append(len(values))
    return _sparse(labels, values, columns, starts, groups, width)


def _records(files: list[Path], width: int) -> Any:
    numpy, xgboost = importlib.import_module("numpy"), importlib.import_module("xgboost")
    records = (record for path in files for record in recordio.read(path.read_bytes()))
    matrix, labels = rows_of_records(records, width)
    if None in labels:
        raise ValueError("a record has no label")
    return xgboost.DMatrix(matrix, label=numpy.array(labels, "f4"))


def rows_of_records(records: Iterable[Record], width: int) -> tuple[Any, list[float | None]]:
    """A CSR matrix and the labels. What a sparse record leaves out is missing."""
    labels: list[float | None] = []
    values: list[float] = []
    columns: list[int] = []
    starts = [0]
    for record in records:
        tensor = record.features
        labels.append(record.label)
        values += tensor.values
        columns += tensor.keys or range(len(tensor.values))
        starts.append(len(values))
        width = max(width, tensor.width if tensor.keys else 0)
    return _matrix(values, columns, starts, width), labels


def _sparse(
    labels: list[float], values: list[float], columns: list[int], starts: list[int], groups: list[int], width: int
) -> Any:
    numpy, xgboost = importlib.import_module("numpy"), importlib.import_module("xgboost")
    more = {"qid": numpy.array(groups)} if groups else {}
    return xgboost.DMatrix(_matrix(values, columns, starts, width), label=numpy.array(labels, "f4"), **more)


def _matrix(values: list[float], columns: list[int], starts: list[int], width: int) -> Any:
    numpy, sparse = importlib.import_module("numpy"), importlib.import_module("scipy.sparse")
    shape = (len(starts) - 1, max(width, max(columns, default=-1) + 1))
    arrays = (numpy.array(values, "f4"), numpy.array(columns, "i4"), numpy.array(starts, "i4"))
    return sparse.csr_matrix(arrays, shape)
