"""Metrics of trial components: every point that was reported, by the id of the component's row, and a summary of
each series that grows with them.

Written and read by the SageMaker Metrics service; DescribeTrialComponent and Search read the summaries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any

from sqlalchemy import Column, Float, Index, Integer, RowMapping, Table, Text, delete, func, insert, select

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Moment, RowId

POINTS = Table(
    "metric_points",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("component", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("step", Integer, nullable=True),
    Column("value", Float, nullable=False),
    Index(None, "component", "name", "at"),
    sqlite_autoincrement=True,
)

SUMMARIES = Table(
    "metric_summaries",
    METADATA,
    Column("component", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("min", Float, nullable=False),
    Column("max", Float, nullable=False),
    Column("mean", Float, nullable=False),
    Column("squares", Float, nullable=False),
    Column("last", Float, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "name", "component"),
)


@dataclass(frozen=True, slots=True)
class Point:
    """One reported value."""

    name: str
    at: datetime
    step: int | None
    value: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A series so far. `squares` are the squared distances from the mean; `last` is the value of the latest time."""

    name: str
    count: int
    min: float
    max: float
    mean: float
    squares: float
    last: float
    at: datetime

    @property
    def deviation(self) -> float:
        """Of the whole population."""
        return sqrt(self.squares / self.count)

    def with_point(self, point: Point) -> Summary:
        """Mean and squares as Welford grows them: no sum that loses digits."""
        count = self.count + 1
        mean = self.mean + (point.value - self.mean) / count
        later = point.at >= self.at
        return Summary(
            self.name,
            count,
            min(self.min, point.value),
            max(self.max, point.value),
            mean,
            self.squares + (point.value - self.mean) * (point.value - mean),
            point.value if later else self.last,
            point.at if later else self.at,
        )


def count(tx: Transaction, component: int) -> int:
    chosen = select(func.sum(SUMMARIES.c.count)).where(SUMMARIES.c.component == component)
    return int(tx.execute(chosen).scalar_one() or 0)


def add(tx: Transaction, component: int, points: list[Point]) -> None:
    if not points:
        return
    values: list[dict[str, Any]] = [
        {"component": component, "name": each.name, "at": each.at, "step": each.step, "value": each.value}
        for each in points
    ]
    tx.execute(insert(POINTS).values(values))
    known = {each.name: each for each in summaries(tx, component)}
    for point in points:
        known[point.name] = summed_up(known.get(point.name), [point])
    names = {point.name for point in points}
    table = SUMMARIES.c
    tx.execute(delete(SUMMARIES).where(table.component == component, table.name.in_(names)))
    tx.execute(insert(SUMMARIES), [_row(component, known[name]) for name in sorted(names)])


def summed_up(known: Summary | None, points: Iterable[Point]) -> Summary:
    """The summary with more points in it; without points there must be one already."""
    for point in points:
        first = Summary(point.name, 1, point.value, point.value, point.value, 0.0, point.value, point.at)
        known = known.with_point(point) if known else first
    if known is None:
        raise ValueError("nothing to sum up")
    return known


def summaries(tx: Transaction, component: int) -> list[Summary]:
    """In the order of their names."""
    chosen = select(SUMMARIES).where(SUMMARIES.c.component == component).order_by(SUMMARIES.c.name)
    return [_summary(row) for row in tx.execute(chosen).mappings()]


def _summary(row: RowMapping) -> Summary:
    return Summary(**{name: row[name] for name in Summary.__slots__})


def read(
    tx: Transaction,
    component: int,
    name: str,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
) -> list[Point]:
    """The points of a series from `begin` up to and with `end`, in the order of their times."""
    table = POINTS.c
    chosen = select(table.name, table.at, table.step, table.value).where(
        table.component == component, table.name == name
    )
    if begin is not None:
        chosen = chosen.where(table.at >= begin)
    if end is not None:
        chosen = chosen.where(table.at <= end)
    rows = tx.execute(chosen.order_by(table.at, table.id)).mappings()
    return [Point(row["name"], row["at"], row["step"], row["value"]) for row in rows]


def drop(tx: Transaction, component: int) -> None:
    for table in (POINTS, SUMMARIES):
        tx.execute(delete(table).where(table.c.component == component))


def _row(component: int, summary: Summary) -> dict[str, Any]:
    return {"component": component, **{name: getattr(summary, name) for name in Summary.__slots__}}
