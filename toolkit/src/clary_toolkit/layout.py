"""Where things lie under /opt/ml (or under SAGEMAKER_BASE_DIR). No I/O apart from reading one variable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)  # not slotted: Python 3.9 has no such option
class OptMl:
    """The folders and files of the container contract."""

    base: Path

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> OptMl:
        return cls(Path(variables.get("SAGEMAKER_BASE_DIR") or "/opt/ml"))

    @property
    def code(self) -> Path:
        return self.base / "code"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def input(self) -> Path:
        return self.base / "input"

    @property
    def input_config(self) -> Path:
        return self.input / "config"

    @property
    def output(self) -> Path:
        return self.base / "output"

    @property
    def output_data(self) -> Path:
        return self.output / "data"

    @property
    def output_intermediate(self) -> Path:
        return self.output / "intermediate"

    @property
    def success(self) -> Path:
        return self.output / "success"

    @property
    def failure(self) -> Path:
        return self.output / "failure"

    def channel(self, name: str) -> Path:
        return self.input / "data" / name

    def first_pipe(self, name: str) -> Path:
        """Of a channel in Pipe mode. It can be read once, from the start to the end."""
        return self.channel(f"{name}_0")
