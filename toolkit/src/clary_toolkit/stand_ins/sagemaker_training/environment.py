"""The training job that a script runs in, as attributes."""

from __future__ import annotations

import json
import os
from typing import Any


class Environment:
    """Everything of SM_TRAINING_ENV: hosts, current_host, hyperparameters, channel_input_dirs, num_gpus ..."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = json.loads(os.environ.get("SM_TRAINING_ENV") or "{}")

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"the training environment has no {name}") from None

    def to_env_vars(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name.startswith("SM_")}
