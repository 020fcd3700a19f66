"""The cases of a folder of protocol corpora, each with the service model that its suite brings along.

Reads `input/*.json` and `output/*.json` below the folder (and below its `legacy`, where there is one). What a case
means is in `inputs` and `outputs`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.model import ServiceModel

from clary.wire.catalog import Catalog, Operation, Service
from clary.wire.facts import ServiceFacts
from clary.wire.routing import Router, Target

SERVICE = "corpus"
OLDER = "legacy"


@dataclass(frozen=True)
class Case:
    """One case: `corpus` is its file, `name` tells it from all others of the file, `document` is what it says."""

    corpus: str
    direction: str
    name: str
    metadata: dict[str, Any]
    operation: Operation
    document: dict[str, Any]

    @property
    def protocol(self) -> str:
        return str(self.metadata["protocol"])

    @property
    def target(self) -> Target:
        return Target(SERVICE, self.operation, self.protocol)

    def router(self) -> Router:
        """A router that knows the case's service, and no other."""
        return Router(_OneService(self.operation.service_model, self.metadata))


class _OneService(Catalog):
    """A catalog with the model of one suite."""

    def __init__(self, model: Service, metadata: dict[str, Any]) -> None:
        super().__init__(())
        self.facts = {
            SERVICE: ServiceFacts(
                SERVICE,
                SERVICE,
                (metadata["protocol"],),
                target_prefix=metadata.get("targetPrefix", ""),
                version=metadata.get("apiVersion", "") if metadata["protocol"] == "query" else "",
            )
        }
        self._model = model

    def service(self, name: str) -> Service:
        return {SERVICE: self._model}[name]


def cases(folder: Path) -> Iterator[Case]:
    """Every case below the folder, file by file."""
    for part in (folder, folder / OLDER):
        for direction in ("input", "output"):
            for path in sorted((part / direction).glob("*.json")):
                prefix = f"{OLDER} " if part != folder else ""
                yield from _cases_of(json.loads(path.read_text(encoding="utf-8")), prefix + path.stem, direction)


def _cases_of(suites: list[dict[str, Any]], corpus: str, direction: str) -> Iterator[Case]:
    for suite in suites:
        for number, document in enumerate(suite["cases"]):
            name = document.get("id") or f"{suite['description']} ({number})"
            model = _model(suite, document["given"])
            operation = model.operation_model(document["given"].get("name", "OperationName"))
            yield Case(corpus, direction, name, suite["metadata"], operation, document)


def _model(suite: dict[str, Any], given: dict[str, Any]) -> Service:
    """The suite's model with the case's operation. Models of services say more than those of the corpora."""
    operation = {"name": "OperationName", "http": {"method": "POST", "requestUri": "/"}, **given}
    if suite["metadata"]["protocol"] == "query" and "output" in operation:
        operation["output"] = {"resultWrapper": f"{operation['name']}Result", **operation["output"]}
    description = {
        "metadata": {"endpointPrefix": SERVICE, "signingName": SERVICE, "serviceId": SERVICE, **suite["metadata"]},
        "shapes": suite["shapes"],
        "operations": {operation["name"]: operation},
    }
    return ServiceModel(description, SERVICE)
