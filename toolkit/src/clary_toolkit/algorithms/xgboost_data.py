"""Channels of the XGBoost algorithm: all files of a folder as one matrix with labels."""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clary_toolkit.algorithms import recordio
from clary_toolkit.algorithms.recordio import Record
from clary_toolkit.errors import CustomerError, UserError

LIBSVM = frozenset({"", "libsvm", "text/libsvm", "text/x-libsvm"})
CSV = frozenset({"csv", "text/csv"})
PARQUET = frozenset({"parquet", "application/x-parquet"})
_LABEL_SIZE = re.compile(r";[ ]?label_size[ ]?=[ ]?([^; ]*)", re.IGNORECASE)
_PLACE = re.compile(r"^\[\d\d:\d\d:\d\d\] \S+:\d+: ")
_WRONG = (ValueError, IndexError, TypeError, OverflowError)  # what data of another form raises; XGBoost's own is one


def read_channel(folder: Path, content_type: str, *, csv_weights: bool, width: int = 0) -> Any:
    """An xgboost.DMatrix. `width` is the number of columns that sparse rows have at least. Raises CustomerError."""
    kind = content_type.split(";", 1)[0].strip().lower()
    files = _files_of(folder)
    channel = folder.name.removesuffix("_0") if folder.is_fifo() else folder.name
    if kind not in LIBSVM | CSV | PARQUET | {recordio.MEDIA_TYPE}:
        raise CustomerError(
            f"The content type {content_type!r} of the channel {channel} is not supported;"
            " supported: text/csv, text/libsvm, application/x-parquet, application/x-recordio-protobuf."
        )
    _check_label_size(channel, kind, content_type)
    if not any(path.is_fifo() or path.stat().st_size for path in files):
        raise CustomerError(f"The channel {channel} holds no data ({len(files)} files).")
    try:
        if kind in LIBSVM:
            return _libsvm(files, width)
        if kind == recordio.MEDIA_TYPE:
            return _records(files, width)
        return _labelled(_csv(files) if kind in CSV else _parquet(files), csv_weights and kind in CSV)
    except _WRONG as error:
        taken = kind or "libsvm (no ContentType was given; text/csv is another)"
        raise CustomerError(f"Unable to read the channel {channel} as {taken}: {sentence(error)}.") from error


def _check_label_size(channel: str, kind: str, content_type: str) -> None:
    """The label is one column, the first; AWS's container refuses to be told otherwise."""
    told = _LABEL_SIZE.search(content_type) if kind in CSV else None
    if told is not None and told[1] != "1":
        raise CustomerError(f"The label_size of the channel {channel} ({content_type!r}) must be 1 for XGBoost.")


def _files_of(place: Path) -> list[Path]:
    """A folder's files, else the one file or pipe that it is. Each is read once, which is all that a pipe allows."""
    if place.is_file() or place.is_fifo():
        return [place]
    return sorted(path for path in place.rglob("*") if path.is_file() and not path.name.startswith("."))


def sentence(error: Exception) -> str:
    """What XGBoost says, on one line, without time, source file and stack of its C++ functions."""
    said = _PLACE.sub("", str(error).partition("Stack trace:")[0])
    return " ".join(said.split())[:600].rstrip(". ")


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Errors within begin with this."""
    try:
        yield
    except _WRONG as error:
        raise ValueError(f"{what}: {sentence(error)}") from error


def _csv(files: list[Path]) -> Any:
    """Fields that are empty are missing values."""
    numpy = importlib.import_module("numpy")
    tables = []
    for path in files:
        with _named(f"the file {path.name}"):
            text = path.read_text(encoding="utf-8")
            tables += [_csv_table(numpy, text)] if text.strip() else []
    if not tables:
        raise ValueError("there are no rows")
    widths = sorted({table.shape[1] for table in tables})
    if len(widths) > 1:
        raise ValueError(f"the files have rows of different lengths: {', '.join(map(str, widths))}")
    return numpy.concatenate(tables)


def _csv_table(numpy: Any, text: str) -> Any:
    try:
        return numpy.loadtxt(io.StringIO(text), delimiter=",", dtype="f4", ndmin=2, comments=None)
    except ValueError:
        return numpy.array(_rows_with_gaps(text), "f4")


def _rows_with_gaps(text: str) -> list[list[float]]:
    """Raises ValueError that names the first line that is wrong."""
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            rows.append([_number(field, number) for field in line.split(",")])
        if rows and len(rows[-1]) != len(rows[0]):
            raise ValueError(f"line {number} has {len(rows[-1])} fields instead of {len(rows[0])}")
    return rows


def _number(text: str, line: int) -> float:
    try:
        return float(text) if text.strip() else float("nan")
    except ValueError:
        raise ValueError(f"line {line}: {text.strip()[:50]!r} is no number") from None


def _parquet(files: list[Path]) -> Any:
    try:
        pandas = importlib.import_module("pandas")
        return pandas.concat([_parquet_table(pandas, path) for path in files]).to_numpy("f4")
    except ImportError as error:
        raise UserError(f"Parquet needs pandas and pyarrow, which this environment does not have: {error}") from error


def _parquet_table(pandas: Any, path: Path) -> Any:
    with _named(f"the file {path.name}"):
        return pandas.read_parquet(io.BytesIO(path.read_bytes()) if path.is_fifo() else path)


def _labelled(table: Any, weights: bool) -> Any:
    """The first column is the label; with `weights` the second one is the row's weight."""
    xgboost = importlib.import_module("xgboost")
    first = 2 if weights else 1
    if table.shape[1] <= first:
        missing = "the label, but no features" if first == 1 else "the label and the weight, but no features"
        raise ValueError(f"the rows have {table.shape[1]} columns: {missing}")
    return xgboost.DMatrix(table[:, first:], label=table[:, 0], weight=table[:, 1] if weights else None)


def _libsvm(files: list[Path], width: int) -> Any:
    """`label[:weight] index:value ...`; a `qid` names the row's group."""
    rows = _SparseRows()
    for path in files:
        with _named(f"the file {path.name}"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                fields = line.split("#", 1)[0].split()
                try:
                    rows.add(fields)
                except ValueError as error:
                    raise ValueError(f"line {number}: {error}") from error
    return _sparse(rows, width)


class _SparseRows:
    """Rows of libsvm as the arrays of a CSR matrix, their labels and the groups that they belong to."""

    def __init__(self) -> None:
        self.labels: list[float] = []
        self.values: list[float] = []
        self.columns: list[int] = []
        self.starts = [0]
        self.groups: list[int] = []

    def add(self, fields: list[str]) -> None:
        """Nothing for a line without fields."""
        if not fields:
            return
        self.labels.append(float(fields[0].partition(":")[0]))
        for field in fields[1:]:
            index, _, value = field.partition(":")
            if index == "qid":
                self.groups.append(int(value))
            elif not index.isdecimal() or not value:
                raise ValueError(f"{field[:50]!r} is no index:value")
            else:
                self.columns.append(int(index))
                self.values.append(float(value))
        self.starts.append(len(self.values))


def _records(files: list[Path], width: int) -> Any:
    numpy, xgboost = importlib.import_module("numpy"), importlib.import_module("xgboost")
    matrix, labels = rows_of_records(_every_record(files), width)
    if None in labels:
        raise ValueError("a record has no label")
    return xgboost.DMatrix(matrix, label=numpy.array(labels, "f4"))


def _every_record(files: list[Path]) -> Iterator[Record]:
    for path in files:
        with _named(f"the file {path.name}"):
            yield from recordio.read(path.read_bytes())


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


def _sparse(rows: _SparseRows, width: int) -> Any:
    numpy, xgboost = importlib.import_module("numpy"), importlib.import_module("xgboost")
    more = {"qid": numpy.array(rows.groups)} if rows.groups else {}
    matrix = _matrix(rows.values, rows.columns, rows.starts, width)
    return xgboost.DMatrix(matrix, label=numpy.array(rows.labels, "f4"), **more)


def _matrix(values: list[float], columns: list[int], starts: list[int], width: int) -> Any:
    numpy, sparse = importlib.import_module("numpy"), importlib.import_module("scipy.sparse")
    if len(starts) == 1:
        raise ValueError("there are no rows")
    shape = (len(starts) - 1, max(width, max(columns, default=-1) + 1))
    arrays = (numpy.array(values, "f4"), numpy.array(columns, "i4"), numpy.array(starts, "i4"))
    return sparse.csr_matrix(arrays, shape)
