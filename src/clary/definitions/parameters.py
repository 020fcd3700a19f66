"""The parameters of an execution: texts as they are given at the start, values of the declared types inside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clary.base.errors import ValidationException

if TYPE_CHECKING:
    from clary.definitions.document import Definition, Parameter

_TRUTH = {"true": True, "false": False}


def coerce(definition: Definition, given: Mapping[str, str]) -> dict[str, Any]:
    """Every declared parameter with its value; ValidationException for unknown, missing and unfit ones."""
    unknown = sorted(set(given) - set(definition.parameters))
    if unknown:
        known = ", ".join(definition.parameters) or "none"
        raise ValidationException(
            f"Assigned parameters {', '.join(unknown)} are not declared by the pipeline; declared are: {known}."
        )
    return {
        name: fitting(parameter, given[name]) if name in given else _default(parameter)
        for name, parameter in definition.parameters.items()
    }


def _default(parameter: Parameter) -> Any:
    if parameter.default is None:
        raise ValidationException(f"The parameter {parameter.name} has no default and must be given a value.")
    return fitting(parameter, parameter.default)


def fitting(parameter: Parameter, given: Any) -> Any:
    """The value of the declared type; ValidationException when it is none, or not among the choices."""
    try:
        value = cast(parameter.type, given)
    except (ValueError, OverflowError) as error:
        raise ValidationException(
            f"The parameter {parameter.name} must be of type {parameter.type}, but is {given!r}."
        ) from error
    if parameter.choices and value not in parameter.choices:
        choices = ", ".join(map(str, parameter.choices))
        raise ValidationException(f"The parameter {parameter.name} must be one of {choices}, but is {given!r}.")
    return value


def cast(kind: str, given: Any) -> Any:
    """The value of a type (String, when it is none of the others) that a text stands for, or ValueError."""
    text = str(given)
    if kind in {"Integer", "Float"} and "_" in text:
        raise ValueError(text)  # a number for Python alone
    if kind == "Integer":
        return int(text)
    if kind == "Float":
        if not math.isfinite(number := float(text)):
            raise ValueError(text)  # no number for JSON
        return number
    if kind == "Boolean":
        if text.lower() not in _TRUTH:
            raise ValueError(text)
        return _TRUTH[text.lower()]
    return text
