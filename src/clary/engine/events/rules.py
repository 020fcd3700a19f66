"""The rules of a bus, ready to match: compiled once, thrown away when a rule changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.base.log import get_logger
from clary.events.patterns import InvalidEventPattern, Pattern, compile_pattern
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

log = get_logger(__name__)

KIND = "event-rule"
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled rule that has a pattern."""

    resource: Resource
    pattern: Pattern


class Rules:
    """Filled inside write transactions and cleared after commits, so that it is never older than the transaction."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, str], list[Rule]] = {}

    def on_commit(self, touched: Mapping[int, str]) -> None:
        if KIND in touched.values():
            with self._lock:
                self._known.clear()

    def matching(
        self, tx: Transaction, account: str, region: str, bus: str, event: Mapping[str, Any]
    ) -> list[Resource]:
        """Rules of the bus that want the event."""
        key = (account, region, bus)
        with self._lock:
            rules = self._known.get(key)
        if rules is None:
            rules = _load(tx, *key)
            with self._lock:
                self._known[key] = rules
        return [rule.resource for rule in rules if rule.pattern.matches(event)]


def _load(tx: Transaction, account: str, region: str, bus: str) -> list[Rule]:
    found = resources.page(tx, resources.Query(account, region, KIND, parent=bus, limit=_MOST))
    return [rule for row in found if (rule := _rule(row)) is not None]


def _rule(row: Resource) -> Rule | None:
    document = row.document
    if document["state"] != "ENABLED" or not document["pattern"] or not document["targets"]:
        return None
    try:
        return Rule(row, compile_pattern(document["pattern"]))
    except InvalidEventPattern:
        log.exception("a rule has a pattern that cannot be used", extra={"arn": row.arn})
        return None
