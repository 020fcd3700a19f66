"""What the platform wrote about the job, and what holds when neither the request nor the server says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary_toolkit.errors import ContractError
from clary_toolkit.layout import OptMl

MEGABYTE = 1 << 20
DEFAULTS = {"MaxConcurrentTransforms": 1, "MaxPayloadInMB": 6, "BatchStrategy": "MultiRecord"}


@dataclass(frozen=True)
class Job:
    """`keys` are the names of the objects that the files `0`, `1`, ... hold, in this order. `started` as ISO 8601."""

    request: Mapping[str, Any]
    keys: tuple[str, ...]
    instances: int
    started: str
    inputs: Path
    outputs: Path

    @property
    def content_type(self) -> str:
        return str(self.request["TransformInput"].get("ContentType") or "")

    @property
    def accept(self) -> str:
        return str(self.request["TransformOutput"].get("Accept") or "")

    @property
    def split_type(self) -> str:
        return str(self.request["TransformInput"].get("SplitType") or "None")

    @property
    def gzip(self) -> bool:
        return bool(self.request["TransformInput"].get("CompressionType") == "Gzip")

    @property
    def assembles_lines(self) -> bool:
        return bool(self.request["TransformOutput"].get("AssembleWith") == "Line")

    @property
    def data_processing(self) -> Mapping[str, str]:
        return self.request.get("DataProcessing") or {}

    @property
    def marked_at(self) -> str | None:
        """The job's start when the request wants an inference id and this time in each record of the output."""
        wanted = (self.request.get("DataCaptureConfig") or {}).get("GenerateInferenceId")
        return self.started if wanted else None

    @property
    def timeout(self) -> int:
        return int((self.request.get("ModelClientConfig") or {}).get("InvocationsTimeoutInSeconds", 600))

    @property
    def retries(self) -> int:
        return int((self.request.get("ModelClientConfig") or {}).get("InvocationsMaxRetries", 3))


@dataclass(frozen=True)
class Limits:
    """How requests are made. `payload` in bytes, 0 = as one stream of any length."""

    concurrent: int
    payload: int
    single: bool


def read_job(layout: OptMl) -> Job:
    path = layout.input_config / "transformjobconfig.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContractError(f"{path} cannot be read: {error}") from error
    return Job(
        request=document["request"],
        keys=tuple(document["keys"]),
        instances=int(document["instances"]),
        started=str(document["started"]),
        inputs=layout.input / "transform",
        outputs=layout.output / "transform",
    )


def limits_of(job: Job, told: Mapping[str, Any]) -> Limits:
    """The request's values, else what the server told, else the defaults."""
    chosen = {name: _first(job.request.get(name), told.get(name), default) for name, default in DEFAULTS.items()}
    return Limits(
        concurrent=max(1, int(chosen["MaxConcurrentTransforms"])),
        payload=int(chosen["MaxPayloadInMB"]) * MEGABYTE,
        single=str(chosen["BatchStrategy"]).replace("_", "").lower() == "singlerecord",
    )


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
