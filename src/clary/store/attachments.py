"""What hangs on many rows of resources at once: their tags, what they belong to, the summaries of their metrics.

For Search, which looks at thousands of rows; whoever has one row asks tags.py, associations.py or metric_series.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, func, select

from clary.store import resources
from clary.store.associations import ASSOCIATIONS
from clary.store.database import Transaction
from clary.store.metric_series import SUMMARIES, Summary
from clary.store.resources import RESOURCES, Query
from clary.store.tags import TAGS


def tags(tx: Transaction, query: Query, keys: Iterable[str] | None = None) -> dict[int, dict[str, str]]:
    """By the row's id; only the tags of these keys, if any are given."""
    chosen = (
        select(RESOURCES.c.id, TAGS.c.key, TAGS.c.value)
        .join(TAGS, TAGS.c.arn == func.lower(RESOURCES.c.arn))
        .where(*resources.filters(query))
    )
    if keys is not None:
        chosen = chosen.where(TAGS.c.key.in_(sorted(keys)))
    found: dict[int, dict[str, str]] = {}
    rows: Sequence[Sequence[Any]] = tx.execute(chosen).all()
    for row_id, key, value in rows:
        found.setdefault(row_id, {})[key] = value
    return found


def above(tx: Transaction, query: Query) -> dict[int, list[int]]:
    """Ids of what each row belongs to."""
    return _pairs(tx, _joined(query, ASSOCIATIONS.c.below, ASSOCIATIONS.c.above))


def below(tx: Transaction, query: Query) -> dict[int, list[int]]:
    """Ids of what belongs to each row."""
    return _pairs(tx, _joined(query, ASSOCIATIONS.c.above, ASSOCIATIONS.c.below))


def metrics(
    tx: Transaction, names: Iterable[str] | None = None, columns: Sequence[str] = Summary.__slots__
) -> Sequence[Sequence[Any]]:
    """Id of the row of the component and these columns of the summary, for all components whosesoever; only the
    metrics of these names, if any are given."""
    chosen = select(SUMMARIES.c.component, *(SUMMARIES.c[name] for name in columns))
    if names is not None:
        chosen = chosen.where(SUMMARIES.c.name.in_(sorted(names)))
    rows: Sequence[Sequence[Any]] = tx.execute(chosen).all()
    return rows


def _joined(query: Query, here: Any, there: Any) -> Select[Any]:
    chosen = select(here.label("here"), there.label("there")).join(RESOURCES, RESOURCES.c.id == here)
    return chosen.where(*resources.filters(query)).order_by(there)


def _pairs(tx: Transaction, chosen: Select[Any]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in tx.execute(chosen).mappings():
        found.setdefault(row["here"], []).append(row["there"])
    return found
