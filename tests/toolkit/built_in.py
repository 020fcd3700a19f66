"""Asking built-in algorithms to train and to answer, many jobs in one process: importing frameworks takes seconds."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.toolkit.running import SOURCE

DRIVER = Path(__file__).with_name("built_in_driver.py")
RECORDS = "application/x-recordio-protobuf"
UNLABELLED = "text/csv;label_size=0"
_METRIC = re.compile(r"#quality_metric: host=algo-1, (.+) <(?:loss|score)>=(\S+)")


@dataclass(frozen=True)
class Ask:
    """A request to the trained model. Without a body the one of the request before is sent."""

    body: str | bytes
    type: str = "application/json"
    accept: str = "application/json"


@dataclass(frozen=True)
class Fit:
    """`channels`: name -> (content type, content or contents by file name)."""

    hyperparameters: Mapping[str, str]
    channels: Mapping[str, tuple[str, Any]]
    asks: Sequence[Ask] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    status: int
    type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.decode().splitlines()]


@dataclass(frozen=True)
class Fitted:
    error: str
    log: list[str]
    files: list[str]
    replies: list[Reply]

    @property
    def metrics(self) -> dict[str, float]:
        """`train msd` and the like; of several values the last."""
        found = (_METRIC.fullmatch(line) for line in self.log)
        return {match[1]: float(match[2]) for match in found if match}


def fit_all(python: Path, algorithm: str, *fits: Fit) -> list[Fitted]:
    asked = {"algorithm": f"clary_toolkit.algorithms.{algorithm}", "jobs": [_job(fit) for fit in fits]}
    result = subprocess.run(
        [str(python), "-W", "error", str(DRIVER)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return [_fitted(each) for each in json.loads(result.stdout)]


def errors(python: Path, algorithm: str, *fits: Fit) -> list[str]:
    return [fitted.error for fitted in fit_all(python, algorithm, *fits)]


def _job(fit: Fit) -> dict[str, Any]:
    channels = {}
    for name, (kind, content) in fit.channels.items():
        files = content if isinstance(content, dict) else {"data": content}
        channels[name] = {"type": kind, "files": {file: _base64(each) for file, each in files.items()}}
    requests = [{"body": _base64(ask.body), "type": ask.type, "accept": ask.accept} for ask in fit.asks]
    return {"hyperparameters": fit.hyperparameters, "channels": channels, "requests": requests, **fit.more}


def _fitted(found: dict[str, Any]) -> Fitted:
    replies = [Reply(status, kind, base64.b64decode(body)) for status, kind, body in found.get("answers", [])]
    return Fitted(found.get("error", ""), found.get("log", []), found.get("files", []), replies)


def _base64(content: str | bytes) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()
