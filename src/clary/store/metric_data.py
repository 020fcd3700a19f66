"""CloudWatch's metrics: which there are, and what was reported of each, summed up by minutes and by seconds.

Every value counts for its minute; one that was reported in high resolution counts for its second as well, for three
hours. Reports of doors are remembered by name, so that none counts twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Float, Index, Integer, Table, Text, and_, delete, func, insert, or_, select, update

from clary.store.database import Transaction
from clary.store.metadata import METADATA, RowId
from clary.store.metric_sums import Sums

METRICS = Table(
    "metrics",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("dimensions", Text, nullable=False),
    Column("last_at", Integer, nullable=False),
    Index(None, "account", "region", "namespace", "name", "dimensions", unique=True),
    Index(None, "last_at"),
    sqlite_autoincrement=True,
)
"""`dimensions` is a list of [name, value] in the order of names, as JSON; `last_at` the time of the latest value."""

DATA = Table(
    "metric_data",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("metric", RowId, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("at", Integer, nullable=False),
    Column("unit", Text, nullable=False),
    Column("count", Float, nullable=False),
    Column("total", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("spread", Text),
    Index(None, "metric", "seconds", "at", "unit", unique=True),
    Index(None, "at"),
    sqlite_autoincrement=True,
)
"""`seconds` is 60 or 1, `at` where that begins, in seconds since 1970."""

REPORTS = Table(
    "metric_reports",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("at", Integer, nullable=False),
    Index(None, "at"),
)

MINUTE = 60
FINE_SECONDS = 3 * 3600
_DAY = 86400
_M, _D, _R = METRICS.c, DATA.c, REPORTS.c

Dimensions = tuple[tuple[str, str], ...]
"""Names with values, in the order of names."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What tells one metric from all others of its account and region."""

    namespace: str
    name: str
    dimensions: Dimensions = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one second; `fine`: they shall be found by the second as well."""

    metric: Metric
    at: int
    unit: str
    sums: Sums
    fine: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What a stored minute or second has."""

    at: int
    unit: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which metrics a list has. A filter is a dimension with its value, or with any when that is None."""

    namespace: str | None = None
    name: str | None = None
    filters: Sequence[tuple[str, str | None]] = ()
    since: int = 0


def add(tx: Transaction, account: str, region: str, samples: Iterable[Sample]) -> None:
    """Put samples together with what is stored."""
    gathered: dict[tuple[Metric, int, int, str], Sums] = {}
    for sample in samples:
        for seconds in (MINUTE, 1) if sample.fine else (MINUTE,):
            key = (sample.metric, seconds, sample.at - sample.at % seconds, sample.unit)
            before = gathered.get(key)
            gathered[key] = sample.sums if before is None else before.joined(sample.sums)
    latest: dict[Metric, int] = {}
    for metric, _, at, _ in gathered:
        latest[metric] = max(at, latest.get(metric, at))
    ids = {metric: _seen(tx, account, region, metric, at) for metric, at in latest.items()}
    for (metric, seconds, at, unit), sums in gathered.items():
        _merge(tx, (ids[metric], seconds, at, unit), sums)


def first_time(tx: Transaction, report: str, now: datetime) -> bool:
    """Whether a report of this name has not been taken yet; it counts as taken from now on."""
    if tx.execute(select(_R.name).where(_R.name == report)).first() is not None:
        return False
    tx.execute(insert(REPORTS).values(name=report, at=int(now.timestamp())))
    return True


def find(tx: Transaction, account: str, region: str, metric: Metric) -> int | None:
    chosen = select(_M.id).where(_M.account == account, _M.region == region, *_same(metric))
    found: int | None = tx.execute(chosen).scalar_one_or_none()
    return found


def read(tx: Transaction, metric: int, seconds: int, begin: int, end: int, limit: int) -> list[Row]:
    """What begins at `begin` or later and before `end`, in the order of time; at most `limit` rows."""
    chosen = select(DATA).where(_D.metric == metric, _D.seconds == seconds, _D.at >= begin, _D.at < end)
    return [Row(row.at, row.unit, _sums(row)) for row in tx.execute(chosen.order_by(_D.at, _D.unit).limit(limit))]


def page(
    tx: Transaction, account: str, region: str, wanted: Wanted, after: int, limit: int
) -> list[tuple[int, Metric]]:
    """Metrics with their ids, in the order of these; those behind `after`."""
    conditions = [_M.account == account, _M.region == region, _M.id > after, _M.last_at >= wanted.since]
    if wanted.namespace is not None:
        conditions.append(_M.namespace == wanted.namespace)
    if wanted.name is not None:
        conditions.append(_M.name == wanted.name)
    for name, value in wanted.filters:
        text = f"[{_json(name)}," if value is None else f"[{_json(name)},{_json(value)}]"
        conditions.append(func.instr(_M.dimensions, text) > 0)
    rows = tx.execute(select(METRICS).where(*conditions).order_by(_M.id).limit(limit))
    return [(row.id, Metric(row.namespace, row.name, _dimensions(row.dimensions))) for row in rows]


def expire(tx: Transaction, now: datetime, *, days: int, most: int, limit: int = 5000) -> int:
    """Remove up to `limit` rows that are too old or beyond the newest `most`; returns how many.

    A metric goes when nothing can be left of it.
    """
    moment = int(now.timestamp())
    oldest = moment - days * _DAY
    newest: int = tx.execute(select(func.coalesce(func.max(_D.id), 0))).scalar_one()
    due = or_(_D.at < oldest, _D.id <= newest - most, and_(_D.seconds == 1, _D.at < moment - FINE_SECONDS))
    removed: int = tx.execute(delete(DATA).where(_D.id.in_(select(_D.id).where(due).limit(limit)))).rowcount
    tx.execute(delete(METRICS).where(_M.last_at < oldest))
    tx.execute(delete(REPORTS).where(_R.at < moment - _DAY))
    return removed


def dimensions_of(pairs: Iterable[tuple[str, str]]) -> Dimensions:
    return tuple(sorted(pairs))


def _seen(tx: Transaction, account: str, region: str, metric: Metric, at: int) -> int:
    known = find(tx, account, region, metric)
    if known is not None:
        tx.execute(update(METRICS).where(_M.id == known, _M.last_at < at).values(last_at=at))
        return known
    values = {"namespace": metric.namespace, "name": metric.name, "dimensions": _json(metric.dimensions)}
    made = tx.execute(insert(METRICS).values(account=account, region=region, last_at=at, **values))
    (row_id,) = made.inserted_primary_key or (0,)
    return int(row_id)


def _merge(tx: Transaction, key: tuple[int, int, int, str], sums: Sums) -> None:
    metric, seconds, at, unit = key
    place = (_D.metric == metric, _D.seconds == seconds, _D.at == at, _D.unit == unit)
    row = tx.execute(select(DATA).where(*place)).first()
    if row is None:
        tx.execute(insert(DATA).values(metric=metric, seconds=seconds, at=at, unit=unit, **_columns(sums)))
    else:
        tx.execute(update(DATA).where(_D.id == row.id).values(**_columns(_sums(row).joined(sums))))


def _columns(sums: Sums) -> dict[str, Any]:
    spread = None if sums.spread is None else _json(list(sums.spread.items()))
    return {"count": sums.count, "total": sums.total, "low": sums.low, "high": sums.high, "spread": spread}


def _sums(row: Any) -> Sums:
    # "count" is a method of every row
    count = row._mapping["count"]
    return Sums(count, row.total, row.low, row.high, None if row.spread is None else dict(json.loads(row.spread)))


def _same(metric: Metric) -> tuple[Any, ...]:
    return (
        _M.namespace == metric.namespace,
        _M.name == metric.name,
        _M.dimensions == _json(metric.dimensions),
    )


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _dimensions(text: str) -> Dimensions:
    return tuple((name, value) for name, value in json.loads(text))
