"""Hyperparameters of the built-in algorithms: what each may be, and texts to their types. Pure.

An algorithm lists its own in a table; `parsed` fills in the defaults and refuses, by name, what is missing, unknown
or out of range. Names that begin with an underscore are the service's own and are passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary_toolkit.errors import CustomerError

REQUIRED = object()
"""As a default: the hyperparameter must be given."""
AUTO = None
"""As a default: the algorithm decides; `auto` may be said as well."""
_KINDS = {
    "whole": "a whole number",
    "real": "a number",
    "flag": "true or false",
    "choice": "one of",
    "list": "any of",
}
# Known to the images, of no effect here: how many processes and which memory layout they use.
_IGNORED = frozenset({"force_dense"})


@dataclass(frozen=True)
class Hyperparameter:
    """`least` and `most` may be reached, `above` and `below` may not. `choices` are the words that may be given."""

    kind: str
    default: Any
    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    choices: tuple[str, ...] = ()
    automatic: bool = False

    def read(self, name: str, given: Any) -> Any:
        text = str(given).strip()
        if self.automatic and text == "auto":
            return AUTO
        value = self._value(given, text)
        if value is None:
            raise CustomerError(f"The hyperparameter {name} must be {self.description}, not {text[:100]!r}.")
        return value

    @property
    def description(self) -> str:
        words = [_KINDS[self.kind]]
        if self.kind in {"choice", "list"}:
            words.append(", ".join(self.choices))
        if math.isfinite(self.least) and math.isfinite(self.most):
            words.append(f"from {self.least:g} to {self.most:g}")
        elif math.isfinite(self.least):
            words.append(f"of at least {self.least:g}")
        if math.isfinite(self.above):
            words.append(f"above {self.above:g}")
        if math.isfinite(self.below):
            words.append(f"{'and ' if math.isfinite(max(self.least, self.above)) else ''}below {self.below:g}")
        others = [*(self.choices if self.kind == "real" else ()), *(["auto"] if self.automatic else [])]
        return " or ".join([" ".join(words), *others])

    def _value(self, given: Any, text: str) -> Any:
        """None for what cannot be it."""
        if self.kind == "list":
            return _words(given, text, self.choices)
        if self.kind == "flag":
            return {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
        if text in self.choices:
            return text
        return None if self.kind == "choice" else self._number(text)

    def _number(self, text: str) -> Any:
        try:
            number = int(text) if self.kind == "whole" else float(text)
        except ValueError:
            return None
        fits = self.least <= number <= self.most and self.above < number < self.below
        return number if fits and math.isfinite(number) else None


def whole(default: Any, least: float = 1, most: float = math.inf) -> Hyperparameter:
    return Hyperparameter("whole", default, least=least, most=most, automatic=default is AUTO)


def real(default: Any, *words: str, **limits: float) -> Hyperparameter:
    return Hyperparameter("real", default, choices=words, automatic=default is AUTO, **limits)


def flag(default: Any) -> Hyperparameter:
    return Hyperparameter("flag", default, automatic=default is AUTO)


def choice(default: Any, *words: str) -> Hyperparameter:
    return Hyperparameter("choice", default, choices=words, automatic=default is AUTO)


def several(*words: str, default: Sequence[str]) -> Hyperparameter:
    return Hyperparameter("list", tuple(default), choices=words)


def parsed(known: Mapping[str, Hyperparameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """All of `known`. Raises CustomerError."""
    own = {name: value for name, value in given.items() if not name.startswith("_") and name not in _IGNORED}
    unknown = sorted(own.keys() - known.keys())
    if unknown:
        raise CustomerError(
            f"Additional hyperparameters are not allowed ({', '.join(map(repr, unknown))} unexpected)."
        )
    for name, one in known.items():
        if one.default is REQUIRED and name not in own:
            raise CustomerError(f"The hyperparameter {name} is required: {one.description}.")
    return {name: one.read(name, own[name]) if name in own else one.default for name, one in known.items()}


def _words(given: Any, text: str, allowed: Sequence[str]) -> tuple[str, ...] | None:
    """A JSON list, or words with commas between them."""
    if not isinstance(given, (list, tuple)):
        try:
            given = json.loads(text.replace("'", '"'))
        except ValueError:
            given = text.split(",")
    if not isinstance(given, (list, tuple)):
        return None
    found = tuple(str(each).strip() for each in given)
    return found if found and set(found) <= set(allowed) else None
