"""What all builders of state-change events work with: the copy of a row from the outbox, and forms of times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clary.base.clock import to_epoch_ms


@dataclass(frozen=True, slots=True)
class Change:
    """`facts` is the document of the outbox entry; see store/resources."""

    entry: int
    account: str
    region: str
    at: datetime
    facts: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def kind(self) -> str:
        return str(self.facts["kind"])

    @property
    def what(self) -> str:
        """created, changed or removed."""
        return str(self.facts["what"])

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    @property
    def arn(self) -> str:
        return str(self.facts["arn"])

    @property
    def status(self) -> str:
        return str(self.facts["status"])

    @property
    def document(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.facts["document"]
        return found

    @property
    def request(self) -> Mapping[str, Any]:
        """What the resource was created with, for kinds that keep it."""
        found: Mapping[str, Any] = self.document.get("request") or {}
        return found


@dataclass(frozen=True, slots=True)
class Told:
    """The parts of an event that depend on the kind."""

    detail_type: str
    detail: dict[str, Any]
    resources: list[str]


def millis(moment: datetime) -> int:
    return to_epoch_ms(moment)


def millis_text(moment: datetime) -> str:
    return str(to_epoch_ms(moment))


def with_times(value: Any, form: Callable[[datetime], Any]) -> Any:
    """The value with every time in it written in this form."""
    if isinstance(value, datetime):
        return form(value)
    if isinstance(value, Mapping):
        return {name: with_times(item, form) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [with_times(item, form) for item in value]
    return value
