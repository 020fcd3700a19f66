"""CloudWatch's metrics: which there are, and what was reported of each, summed up by minutes and by seconds.

Every value counts for its minute; one that was reported in high resolution counts for its second as well, for three
hours. Reports of doors are remembered by name, so that none counts twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

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
_MANY = 500
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
    ids = _ids(tx, account, region, latest)
    _merge(tx, {(ids[metric], seconds, at, unit): sums for (metric, seconds, at, unit), sums in gathered.items()})


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


def _ids(tx: Transaction, account: str, region: str, latest: dict[Metric, int]) -> dict[Metric, int]:
    """Of metrics with the times of their latest values; new ones are made."""
    known = _known(tx, account, region, latest)
    new = [
        {
            "account": account,
            "region": region,
            "namespace": metric.namespace,
            "name": metric.name,
            "dimensions": _json(metric.dimensions),
            "last_at": at,
        }
        for metric, at in latest.items()
        if metric not in known
    ]
    later = [{"of": known[m][0], "time": at} for m, at in latest.items() if m in known and known[m][1] < at]
    if later:
        statement = update(METRICS).where(_M.id == bindparam("of")).values(last_at=bindparam("time"))
        tx.execute(statement, later)
    if new:
        tx.execute(insert(METRICS), new)
        known = _known(tx, account, region, latest)
    return {metric: known[metric][0] for metric in latest}


def _known(tx: Transaction, account: str, region: str, metrics: Iterable[Metric]) -> dict[Metric, tuple[int, int]]:
    """Ids and times of the latest values, of those that there are and of others with the same names."""
    names: dict[str, set[str]] = {}
    for metric in metrics:
        names.setdefault(metric.namespace, set()).add(metric.name)
    found: dict[Metric, tuple[int, int]] = {}
    for namespace, group in names.items():
        dimensions = {_json(metric.dimensions) for metric in metrics if metric.namespace == namespace}
        for some in _batched(sorted(group)):
            for others in _batched(sorted(dimensions)):
                place = (_M.account == account, _M.region == region, _M.namespace == namespace)
                chosen = select(METRICS).where(*place, _M.name.in_(some), _M.dimensions.in_(others))
                for row in tx.execute(chosen):
                    found[Metric(namespace, row.name, _dimensions(row.dimensions))] = (row.id, row.last_at)
    return found


def _merge(tx: Transaction, gathered: dict[tuple[int, int, int, str], Sums]) -> None:
    """Of each metric, length, time and unit."""
    known: dict[tuple[int, int, int, str], Any] = {}
    times = sorted({at for _, _, at, _ in gathered})
    for some in _batched(sorted({metric for metric, _, _, _ in gathered})):
        for moments in _batched(times):
            for row in tx.execute(select(DATA).where(_D.metric.in_(some), _D.at.in_(moments))):
                known[(row.metric, row.seconds, row.at, row.unit)] = row
    new = [
        {"metric": metric, "seconds": seconds, "at": at, "unit": unit, **_columns(sums)}
        for (metric, seconds, at, unit), sums in gathered.items()
        if (metric, seconds, at, unit) not in known
    ]
    changed = [
        {
            "of": known[key].id,
            **{f"new_{name}": value for name, value in _columns(_sums(known[key]).joined(sums)).items()},
        }
        for key, sums in gathered.items()
        if key in known
    ]
    if new:
        tx.execute(insert(DATA), new)
    if changed:
        values: dict[str, Any] = {
            name: bindparam(f"new_{name}") for name in ("count", "total", "low", "high", "spread")
        }
        tx.execute(update(DATA).where(_D.id == bindparam("of")).values(**values), changed)


def _batched(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """As many as a statement takes."""
    return (items[start : start + _MANY] for start in range(0, len(items), _MANY))


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
