"""Requests and answers of the built-in algorithms' model servers: rows of features in, rows of named numbers out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from clary_toolkit.algorithms import recordio, tables
from clary_toolkit.algorithms.tables import Table
from clary_toolkit.errors import RequestError
from clary_toolkit.serving.content import CSV, JSON, choose, media_type

JSON_LINES = "application/jsonlines"
INPUTS = (CSV, JSON, JSON_LINES, recordio.MEDIA_TYPE)
OUTPUTS = (JSON, JSON_LINES, recordio.MEDIA_TYPE, CSV)
# What an answer is when the request leaves it open; the lines of a batch can be put together.
DEFAULT_ACCEPT = JSON_LINES if os.environ.get("SAGEMAKER_BATCH") == "true" else JSON

Row = Mapping[str, Union[float, Sequence[float]]]


@dataclass(frozen=True)
class Answer:
    """One row for each that was asked about; `name` is what JSON calls all of them. `more` only for who asks."""

    name: str
    rows: Sequence[Row]
    more: Sequence[Row] = ()


def input_fn(data: Any, content_type: str) -> Table:
    kind = media_type(content_type)
    if kind not in INPUTS:
        raise RequestError(415, f"content type {kind!r} is not supported; supported: {', '.join(INPUTS)}")
    try:
        return _table(data, kind, tables.label_size(content_type, 0))
    except (ValueError, OverflowError, RecursionError) as error:
        raise RequestError(400, f"the body is not valid {kind}: {error}") from error


def fitting(table: Table, width: int) -> Table:
    """The table itself, when it is as wide as the model. Sparse rows may leave their last columns out."""
    if table.width == width:
        return table
    if tables.sparse.issparse(table.features) and table.width < width:
        wide = table.features.copy()
        wide.resize((table.height, width))
        return Table(wide, table.labels)
    raise RequestError(400, f"the model has {width} features (feature_dim), the rows of this request {table.width}")


def output_fn(answer: Answer, accept: str) -> tuple[bytes | str, str]:
    kind = choose(accept, OUTPUTS)
    rows = answer.rows
    if answer.more and "verbose=true" in accept.lower().replace(" ", ""):
        rows = [{**row, **more} for row, more in zip(rows, answer.more)]
    if kind == JSON:
        return json.dumps({answer.name: rows}), kind
    if kind == JSON_LINES:
        return "".join(f"{json.dumps(row)}\n" for row in rows), kind
    if kind == CSV:
        return "".join(f"{','.join(map(str, _flat(row)))}\n" for row in rows), kind
    return recordio.answers([{name: _list(value) for name, value in row.items()} for row in rows]), kind


def _table(data: Any, kind: str, label_size: int) -> Table:
    if kind == recordio.MEDIA_TYPE:
        return tables.from_records(data)
    text = data if isinstance(data, str) else bytes(data).decode("utf-8")
    if not text.strip():
        raise ValueError("it is empty")
    if kind == JSON:
        return tables.from_json(text)
    return tables.from_json_lines(text) if kind == JSON_LINES else tables.from_csv(text, label_size)


def _list(value: float | Sequence[float]) -> Sequence[float]:
    return [value] if isinstance(value, (int, float)) else value


def _flat(row: Row) -> list[float]:
    return [number for value in row.values() for number in _list(value)]
