"""The user's hyperparameters as command line arguments. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def command_arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """`--name value` in the order of the names; one-letter names get one hyphen."""
    arguments: list[str] = []
    for name in sorted(hyperparameters):
        arguments += [_option(name), _text(hyperparameters[name])]
    return arguments


def _option(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={value[name]}" for name in sorted(value))
    return str(value)
