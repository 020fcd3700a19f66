"""Metrics of trial components: every point that was reported, by the id of the component's row.

Written by the SageMaker Metrics service, summed up by DescribeTrialComponent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Float, Integer, Table, Text, delete, func, insert, select

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Moment, RowId

POINTS = Table(
    "metric_points",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("component", Integer, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("step", Integer, nullable=True),
    Column("value", Float, nullable=False),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Point:
    """One reported value."""

    name: str
    at: datetime
    step: int | None
    value: float


def count(tx: Transaction, component: int) -> int:
    chosen = select(func.count()).select_from(POINTS).where(POINTS.c.component == component)
    return int(tx.execute(chosen).scalar_one())


def add(tx: Transaction, component: int, points: list[Point]) -> None:
    values: list[dict[str, Any]] = [
        {"component": component, "name": each.name, "at": each.at, "step": each.step, "value": each.value}
        for each in points
    ]
    if values:
        tx.execute(insert(POINTS).values(values))


def read(tx: Transaction, component: int) -> list[Point]:
    """All points of a component, in the order of their times."""
    table = POINTS.c
    chosen = select(table.name, table.at, table.step, table.value).where(table.component == component)
    rows = tx.execute(chosen.order_by(table.at, table.id)).mappings()
    return [Point(row["name"], row["at"], row["step"], row["value"]) for row in rows]


def drop(tx: Transaction, component: int) -> None:
    tx.execute(delete(POINTS).where(POINTS.c.component == component))
