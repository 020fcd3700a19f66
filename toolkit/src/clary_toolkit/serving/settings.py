"""What the variables say about the model server. Read once, at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clary_toolkit.errors import ContractError
from clary_toolkit.layout import OptMl

MEGABYTE = 1 << 20
# What serves a model that brings no code.
ALGORITHMS = {
    "pytorch": "clary_toolkit.serving.defaults_pytorch",
    "transformers": "clary_toolkit.serving.defaults_transformers",
    "tensorflow": "clary_toolkit.saved_models.handlers",
    "xgboost": "clary_toolkit.algorithms.xgboost_serving",
    "kmeans": "clary_toolkit.algorithms.kmeans",
    "linear-learner": "clary_toolkit.algorithms.linear_learner",
    "pca": "clary_toolkit.algorithms.pca",
    "knn": "clary_toolkit.algorithms.knn",
    "randomcutforest": "clary_toolkit.algorithms.random_cut_forest",
}
# Images whose own handlers also serve a model that says which program serves it, and brings no code.
STAND_IN = frozenset({"pytorch", "transformers"})


@dataclass(frozen=True)
class Settings:
    """`socket` excludes `port`. `max_payload` in bytes, None = unlimited. `algorithm` serves where there is no
    program, `stand_in` where there is no code at all."""

    layout: OptMl
    program: str
    source_archive: str
    framework: str
    socket: Path | None
    port: int
    workers: int
    max_payload: int | None
    default_accept: str
    batch_strategy: str
    algorithm: str
    stand_in: str = ""

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Settings:
        socket = variables.get("CLARY_SERVER_SOCKET")
        framework = variables.get("CLARY_FRAMEWORK") or "base"
        program = "" if framework == "tensorflow" else variables.get("SAGEMAKER_PROGRAM", "")  # as its image does
        payload = _number(variables, "SAGEMAKER_MAX_PAYLOAD_IN_MB", 0)
        return cls(
            layout=OptMl.from_variables(variables),
            program=program or "inference.py",
            source_archive=variables.get("CLARY_SOURCE_ARCHIVE", ""),
            framework=framework,
            socket=Path(socket) if socket else None,
            port=_number(variables, "SAGEMAKER_BIND_TO_PORT", 8080),
            workers=max(1, _number(variables, "SAGEMAKER_MODEL_SERVER_WORKERS", 1)),
            max_payload=payload * MEGABYTE or None,
            default_accept=variables.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or "",
            batch_strategy=variables.get("SAGEMAKER_BATCH_STRATEGY") or "MULTI_RECORD",
            algorithm="" if program else ALGORITHMS.get(framework, ""),
            stand_in=ALGORITHMS[framework] if framework in STAND_IN else "",
        )

    def execution_parameters(self) -> dict[str, object]:
        """What a batch transform is told when the request leaves it open."""
        return {
            "MaxConcurrentTransforms": self.workers,
            "BatchStrategy": self.batch_strategy,
            "MaxPayloadInMB": (self.max_payload or 6 * MEGABYTE) // MEGABYTE,
        }


def limit_threads(workers: int) -> None:
    """Share the cores among the workers' numeric libraries, unless the user has said how many threads to use."""
    cores = len(os.sched_getaffinity(0))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // workers)))


def _number(variables: Mapping[str, str], name: str, default: int) -> int:
    value = variables.get(name) or str(default)
    try:
        number = int(value)
    except ValueError:
        raise ContractError(f"{name} must be a whole number, not {value!r}") from None
    if number < 0:
        raise ContractError(f"{name} must not be negative")
    return number
