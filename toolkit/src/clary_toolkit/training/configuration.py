"""What the platform wrote under /opt/ml/input/config, read and sorted into the platform's and the user's part."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary_toolkit.errors import ContractError
from clary_toolkit.layout import OptMl

PREFIX = "sagemaker_"
RESERVED = frozenset(
    {
        "sagemaker_program",
        "sagemaker_submit_directory",
        "sagemaker_container_log_level",
        "sagemaker_job_name",
        "sagemaker_region",
        "sagemaker_enable_cloudwatch_metrics",
        "sagemaker_s3_output",
        "_tuning_objective_metric",
        "default_user_module_name",
    }
)


@dataclass(frozen=True)
class TrainingConfiguration:
    """`reserved` steers the toolkit, `framework` is handed on as framework parameters, `user` is the script's."""

    reserved: Mapping[str, Any]
    framework: Mapping[str, Any]
    user: Mapping[str, Any]
    resources: Mapping[str, Any]
    channels: Mapping[str, Any]

    @property
    def log_level(self) -> int:
        level = self.reserved.get("sagemaker_container_log_level", logging.INFO)
        return level if isinstance(level, int) else logging.INFO

    @property
    def host(self) -> str:
        """The name of this instance."""
        return str(self.resources.get("current_host") or "algo-1")

    @property
    def first_host(self) -> str:
        """`algo-2` comes before `algo-10`."""
        return str(min(self.resources.get("hosts") or [self.host], key=lambda name: (len(name), name)))


def read_configuration(layout: OptMl) -> TrainingConfiguration:
    raw = _read(layout, "hyperparameters.json", required=False)
    values = {name: decoded(value) for name, value in raw.items()}
    platform = {name for name in values if name in RESERVED or name.startswith(PREFIX)}
    return TrainingConfiguration(
        reserved={name: values[name] for name in values if name in RESERVED},
        framework={name: values[name] for name in values if name in platform - RESERVED},
        user={name: values[name] for name in values if name not in platform},
        resources=_read(layout, "resourceconfig.json", required=True),
        channels=_read(layout, "inputdataconfig.json", required=False),
    )


def decoded(value: object) -> Any:
    """A hyperparameter as the script sees it: JSON where it is JSON, otherwise the string itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _read(layout: OptMl, name: str, *, required: bool) -> Mapping[str, Any]:
    path = layout.input_config / name
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if not required:
            return {}
        raise ContractError(f"{path} is missing", error.errno) from error
    except (OSError, ValueError) as error:
        raise ContractError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ContractError(f"{path} does not hold an object")
    return document
