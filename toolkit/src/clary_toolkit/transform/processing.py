"""Filters and joins on the records of one batch: InputFilter before the model, JoinSource and OutputFilter after it.

A CSV record is a list of fields, kept as text; a JSON record is a value. Pure.
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from clary_toolkit.serving.content import CSV, JSON, media_type
from clary_toolkit.transform.paths import Path, PathError
from clary_toolkit.transform.splitting import BadObject

JSON_LINES = frozenset({"application/jsonlines", "application/x-jsonlines", "application/jsonl"})


class Processing:
    """`asked` is false when bodies and answers are passed on as they are.

    `marked_at` is the job's start where each record of the output is to carry an id of its own and this time.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        content_type: str,
        accept: str,
        *,
        splits_lines: bool,
        marked_at: str | None = None,
    ) -> None:
        self._input = _path(settings.get("InputFilter"))
        self._output = _path(settings.get("OutputFilter"))
        self._join = settings.get("JoinSource") == "Input"
        self._marked_at = marked_at
        self.asked = bool(self._input or self._output or self._join or marked_at)
        self._source = media_type(content_type)
        self._answer = media_type(accept) or self._source
        self._by_line = splits_lines

    def body(self, batch: bytes) -> tuple[list[Any], bytes]:
        """The records of a batch, and what the model is sent of them."""
        records = self._parsed(batch, self._source) if self._input or self._join else []
        if self._input is None:
            return records, batch
        chosen = [self._applied(self._input, record, "InputFilter") for record in records]
        return records, self._written(chosen, self._source)

    def result(self, records: list[Any], answer: bytes) -> bytes:
        """The output of a batch from its input records and the model's answer."""
        if not self._join and self._output is None and self._marked_at is None:
            return answer
        found = self._parsed(answer, self._answer)
        if self._join:
            found = self._joined(records, _for_each(found, len(records)))
        if self._output is not None:
            found = [self._applied(self._output, each, "OutputFilter") for each in found]
        if self._marked_at is not None:
            found = [self._marked(each, self._marked_at) for each in found]
        return self._written(found, self._answer)

    def _marked(self, record: Any, time: str) -> Any:
        name = str(uuid.uuid4())
        if self._answer == CSV:
            return [*_fields(record), name, time]
        fields = record if isinstance(record, dict) else {"SageMakerOutput": record}
        return {**fields, "SageMakerInferenceId": name, "SageMakerInferenceTime": time}

    def _joined(self, records: list[Any], predictions: list[Any]) -> list[Any]:
        if self._source == CSV:
            return [[*record, *_fields(found)] for record, found in zip(records, predictions)]
        return [_with_output(record, found) for record, found in zip(records, predictions)]

    def _applied(self, path: Path, record: Any, what: str) -> Any:
        try:
            return path.select(record)
        except PathError as error:
            raise BadObject(f"{what} {path.expression}: {error}") from error

    def _parsed(self, data: bytes, kind: str) -> list[Any]:
        try:
            text = data.decode()
            if kind == CSV:
                return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
            if kind in JSON_LINES or (kind == JSON and self._by_line):
                return [json.loads(line) for line in text.splitlines() if line.strip()]
            if kind == JSON:
                return [json.loads(text)]
        except (ValueError, csv.Error, RecursionError) as error:
            raise BadObject(f"DataProcessing found what is not {kind}: {str(error)[:200]}") from error
        raise BadObject(f"DataProcessing works with CSV and JSON, not with {kind or 'data without a type'}")

    def _written(self, records: list[Any], kind: str) -> bytes:
        if kind == CSV:
            stream = io.StringIO()
            csv.writer(stream, lineterminator="\n").writerows(_fields(record) for record in records)
            return stream.getvalue().encode()
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        ends = kind in JSON_LINES or self._by_line
        return "".join(f"{line}\n" if ends else line for line in lines).encode()


def _path(expression: str | None) -> Path | None:
    """`$` selects everything, so it asks for nothing."""
    if not expression or expression.strip() == "$":
        return None
    try:
        return Path(expression)
    except PathError as error:
        raise BadObject(str(error)) from error


def _for_each(found: list[Any], count: int) -> list[Any]:
    """One prediction for each record, also where the model answered a batch with one list."""
    for shape in _SHAPES:
        predictions = shape(found)
        if isinstance(predictions, list) and len(predictions) == count:
            return predictions
    raise BadObject(f"the model answered {len(found)} predictions for {count} records, so they cannot be joined")


def _only(found: list[Any]) -> Any:
    return found[0] if len(found) == 1 else None


def _named(found: list[Any]) -> Any:
    only = _only(found)
    return only.get("predictions") if isinstance(only, dict) else None


_SHAPES: tuple[Callable[[list[Any]], Any], ...] = (lambda found: found, _only, _named)


def _with_output(record: Any, prediction: Any) -> dict[str, Any]:
    if isinstance(record, dict):
        return {**record, "SageMakerOutput": prediction}
    return {"SageMakerInput": record, "SageMakerOutput": prediction}


def _fields(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
