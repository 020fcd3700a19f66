"""What goes into which pipe, in which order: /opt/ml/input/pipes/plan.json, which the platform wrote.

An object is one file or, with an augmented manifest, one attribute of a line; `records` lists them in the order of
the source. A seed gives every epoch an order of its own; with `share` (which of how many instances) the epoch's
order is dealt out, so an instance gets other records in the next epoch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary_toolkit.errors import ContractError
from clary_toolkit.layout import OptMl

Part = Mapping[str, str]


@dataclass(frozen=True)
class Pipe:
    """One channel. `path` is what the epoch's number is added to."""

    path: str
    records: Sequence[Sequence[Part]]
    wrap: bool
    unzip: bool
    seed: int | None
    share: Sequence[int]

    def fifo(self, epoch: int) -> Path:
        return Path(f"{self.path}_{epoch}")

    def parts(self, epoch: int) -> list[Part]:
        """Everything of an epoch, in its order."""
        index, count = self.share
        records = list(self.records)
        if self.seed is not None:
            records = [records[place] for place in _order(len(records), self.seed, epoch)]
        return [part for record in records[index::count] for part in record]


def read_plan(layout: OptMl) -> list[Pipe]:
    path = layout.input / "pipes" / "plan.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContractError(f"{path} cannot be read: {error}") from error
    return [_pipe(entry, layout) for entry in document["pipes"]]


def _pipe(entry: Mapping[str, Any], layout: OptMl) -> Pipe:
    records = [[_located(part, layout) for part in record] for record in entry["records"]]
    path = _below(entry["pipe"], layout)
    return Pipe(path, records, entry["wrap"], entry["unzip"], entry["seed"], entry["share"])


def _located(part: Part, layout: OptMl) -> Part:
    return {"file": _below(part["file"], layout)} if "file" in part else part


def _below(path: str, layout: OptMl) -> str:
    """Without isolation /opt/ml lies elsewhere."""
    return str(layout.base) + path[len("/opt/ml") :] if path.startswith("/opt/ml/") else path


def _order(count: int, seed: int, epoch: int) -> list[int]:
    return sorted(range(count), key=lambda place: hashlib.sha256(f"{seed}/{epoch}/{place}".encode()).digest())
