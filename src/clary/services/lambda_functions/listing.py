"""Reading all rows of a kind: functions have few versions and aliases, and pages are cut from the whole."""

from __future__ import annotations

from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_BATCH = 500


def list_rows(tx: Transaction, context: Context, kind: str) -> list[Resource]:
    """Every resource of a kind in the caller's account and region, by name."""
    return _all(tx, context.account, context.region, kind, None)


def whole(tx: Transaction, function: Resource, kind: str) -> list[Resource]:
    """Every version or alias of a function, by name."""
    return _all(tx, function.account, function.region, kind, function.name)


def _all(tx: Transaction, account: str, region: str, kind: str, parent: str | None) -> list[Resource]:
    found: list[Resource] = []
    after = None
    while True:
        query = Query(account, region, kind, parent=parent, sort="name", limit=_BATCH, after=after)
        rows = resources.page(tx, query)
        found += rows
        if len(rows) < _BATCH:
            return found
        after = resources.position(rows[-1], "name")
