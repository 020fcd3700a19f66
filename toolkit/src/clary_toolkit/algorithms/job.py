"""One training job of a built-in algorithm: its hyperparameters, its channels, its model file.

The algorithm's module calls `begin`, reads the channels that it knows and saves arrays. All data is in the memory of
one process: of several instances the first one trains, with everything (the platform gives it the whole channel).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary_toolkit.algorithms import recordio, tables
from clary_toolkit.algorithms.hyperparameters import Hyperparameter, parsed
from clary_toolkit.algorithms.progress import Progress
from clary_toolkit.algorithms.tables import Table, numpy
from clary_toolkit.errors import CustomerError
from clary_toolkit.layout import OptMl
from clary_toolkit.training.configuration import TrainingConfiguration

MODEL = "model_algo-1"
CSV = "text/csv"


@dataclass(frozen=True)
class Job:
    """`values` are the hyperparameters, complete. `feature_dim` is None where the data decides."""

    values: Mapping[str, Any]
    log: Progress
    layout: OptMl
    channels: Mapping[str, Any]

    def table(self, name: str, *, labels: bool, width: int = 0) -> Table:
        """All of a channel that must be there; sparse rows have at least `width` columns. Raises CustomerError."""
        if name not in self.channels:
            raise CustomerError(f"The channel {name} is required; channels of this job: {', '.join(self.channels)}.")
        settings = self.channels[name]
        kind, label_size = _content_type(name, str(settings.get("ContentType") or recordio.MEDIA_TYPE))
        table = _read(name, self._files(name), kind, label_size, self.values.get("feature_dim") or width)
        if labels and table.labels is None:
            raise CustomerError(f"The channel {name} must have labels, and not all of its rows have one.")
        wanted = self.values.get("feature_dim")
        if wanted is not None and table.width != wanted:
            hint = f" (label_size is {label_size})" if kind == CSV else ""
            raise CustomerError(f"feature_dim is {wanted}, but the channel {name} has {table.width} features{hint}.")
        self.log.note(f"channel {name}: {table.height} rows of {table.width} features")
        return table

    def optional(self, name: str, like: Table, *, labels: bool) -> Table | None:
        """None when there is no such channel. It must be as wide as the training data."""
        if name not in self.channels:
            return None
        table = self.table(name, labels=labels, width=like.width)
        if table.width != like.width:
            raise CustomerError(f"The channel {name} has {table.width} features, the training data {like.width}.")
        return table

    def save(self, arrays: Mapping[str, Any], **settings: Any) -> None:
        self.layout.model.mkdir(parents=True, exist_ok=True)
        with (self.layout.model / MODEL).open("wb") as file:
            numpy.savez(file, settings=numpy.array(json.dumps(settings)), **arrays)
        self.log.note(f"the model is in {MODEL}")

    def _files(self, name: str) -> list[Path]:
        """Each is read once, which is all that a pipe allows."""
        if self.channels[name].get("TrainingInputMode") == "Pipe":
            return [self.layout.first_pipe(name)]
        found = self.layout.channel(name).rglob("*")
        return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


@dataclass(frozen=True)
class Model:
    """What `save` has saved."""

    arrays: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def width(self) -> int:
        return int(self.settings["feature_dim"])


def load(model_dir: str, algorithm: str) -> Model:
    """Raises OSError and ValueError that say what is there instead."""
    path = Path(model_dir) / MODEL
    if not path.is_file():
        raise FileNotFoundError(f"model.tar.gz holds no {MODEL}: it is no model of a built-in algorithm")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{MODEL} has not been trained by Clary; AWS's own model files cannot be served")
    with numpy.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    settings = json.loads(str(arrays.pop("settings")))
    if settings["algorithm"] != algorithm:
        raise ValueError(f"{MODEL} is a model of {settings['algorithm']}, not of {algorithm}")
    return Model(arrays, settings)


def begin(known: Mapping[str, Hyperparameter], configuration: TrainingConfiguration, layout: OptMl) -> Job | None:
    """None on an instance that has nothing to do. Raises CustomerError."""
    for name in ("sagemaker_program", "sagemaker_submit_directory"):
        if name in configuration.reserved:
            raise CustomerError(f"Additional hyperparameters are not allowed ('{name}' unexpected).")
    values = parsed(known, configuration.user)
    log = Progress(configuration.host)
    if configuration.host != configuration.first_host:
        log.note(f"{configuration.first_host} trains with all of the data; nothing is left to do here")
        return None
    shown = {name: value for name, value in values.items() if value is not None}
    log.note(f"hyperparameters: {json.dumps(shown, default=str)}")
    return Job(values, log, layout, configuration.channels)


def _content_type(channel: str, text: str) -> tuple[str, int]:
    """The media type, and how many columns of a CSV file are labels."""
    kind = text.partition(";")[0].strip().lower()
    if kind not in {CSV, "csv", recordio.MEDIA_TYPE}:
        raise CustomerError(
            f"The content type {text!r} of the channel {channel} is not supported; supported: text/csv "
            "(with label_size=0 where there is no label) and application/x-recordio-protobuf."
        )
    try:
        return (recordio.MEDIA_TYPE if kind == recordio.MEDIA_TYPE else CSV), tables.label_size(text, 1)
    except ValueError as error:
        raise CustomerError(f"label_size of the channel {channel} {error}.") from error


def _read(channel: str, files: Sequence[Path], kind: str, label_size: int, width: int) -> Table:
    found = [_table(channel, path, kind, label_size, width) for path in files]
    if not sum(table.height for table in found):
        raise CustomerError(f"The channel {channel} holds no data ({len(files)} files).")
    try:
        return tables.joined([table for table in found if table.height])
    except ValueError as error:
        raise CustomerError(f"The channel {channel} cannot be read: {error}.") from error


def _table(channel: str, path: Path, kind: str, label_size: int, width: int) -> Table:
    try:
        if kind == CSV:
            return tables.from_csv(path.read_text(encoding="utf-8"), label_size)
        return tables.from_records(path.read_bytes(), width)
    except (ValueError, OverflowError) as error:
        raise CustomerError(
            f"Unable to read the channel {channel} as {kind}: the file {path.name}: {error}."
        ) from error
