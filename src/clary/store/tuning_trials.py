"""Trials of hyperparameter tuning jobs: what was proposed, and what is known of the training job that tries it.

A trial is written before its training job is created, so that a crash in between does not propose anything else. It
keeps a small copy of the training job's result, for lists and for the search; the training job itself is the truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Document, Moment, RowId, to_micros

TRIALS = Table(
    "tuning_trials",
    METADATA,
    Column("job_id", RowId, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("parameters", Document, nullable=False),
    Column("status", Text, nullable=False),
    Column("objective", Float),
    Column("failure", Text),
    Column("arn", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Index(None, "job_id", "objective"),
)

PLANNED = "Planned"
"""The status of a trial whose training job may not exist yet; all others are those of the training job."""


@dataclass(frozen=True, slots=True)
class Trial:
    """`number` counts from 1; `definition` is the name of the definition; `failure` is the training job's reason."""

    job_id: int
    number: int
    name: str
    definition: str
    parameters: dict[str, str]
    created_at: datetime
    status: str = PLANNED
    arn: str = ""
    objective: float | None = None
    failure: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def active(self) -> bool:
        return self.status in {"InProgress", "Stopping"}

    @property
    def ended(self) -> bool:
        return self.status in {"Completed", "Failed", "Stopped"}


@dataclass(frozen=True, slots=True)
class TrialQuery:
    """A page of trials with a training job. `sort` is name, created_at, status or objective (only those with one)."""

    job_id: int
    status: str | None
    sort: str
    descending: bool
    limit: int
    after: list[Any] | None


def add(tx: Transaction, trials: Iterable[Trial]) -> None:
    rows = [_row(trial) for trial in trials]
    if rows:
        tx.execute(insert(TRIALS), rows)


def save(tx: Transaction, trial: Trial) -> None:
    """Replace what is known of a trial. Whoever does it also saves the tuning job, which settles races."""
    tx.execute(
        update(TRIALS).where(TRIALS.c.job_id == trial.job_id, TRIALS.c.number == trial.number).values(_row(trial))
    )


def remove(tx: Transaction, trial: Trial) -> None:
    tx.execute(delete(TRIALS).where(TRIALS.c.job_id == trial.job_id, TRIALS.c.number == trial.number))


def remove_all(tx: Transaction, job_id: int) -> None:
    tx.execute(delete(TRIALS).where(TRIALS.c.job_id == job_id))


def of_job(tx: Transaction, job_id: int) -> list[Trial]:
    """All trials of a tuning job in the order of their numbers."""
    rows = tx.execute(select(TRIALS).where(TRIALS.c.job_id == job_id).order_by(TRIALS.c.number)).mappings()
    return [_trial(row) for row in rows]


def find(tx: Transaction, job_id: int, number: int) -> Trial | None:
    row = tx.execute(select(TRIALS).where(TRIALS.c.job_id == job_id, TRIALS.c.number == number)).mappings().first()
    return None if row is None else _trial(row)


def page(tx: Transaction, query: TrialQuery) -> list[Trial]:
    """Up to `limit` trials in order; pass `position(last, sort)` as `after` for the next page."""
    column = TRIALS.c[query.sort]
    statement = select(TRIALS).where(TRIALS.c.job_id == query.job_id, TRIALS.c.status != PLANNED)
    if query.status is not None:
        statement = statement.where(TRIALS.c.status == query.status)
    if query.sort == "objective":
        statement = statement.where(column.is_not(None))
    if query.after is not None:
        value, number = query.after
        if isinstance(column.type, Moment):
            value = column.type.process_result_value(value, None)  # type: ignore[arg-type]  # unused
        beyond = column < value if query.descending else column > value
        behind = TRIALS.c.number < number if query.descending else TRIALS.c.number > number
        statement = statement.where(or_(beyond, and_(column == value, behind)))
    columns = (column, TRIALS.c.number)
    order = [item.desc() if query.descending else item.asc() for item in columns]
    return [_trial(row) for row in tx.execute(statement.order_by(*order).limit(query.limit)).mappings()]


def position(trial: Trial, sort: str) -> list[Any]:
    """Where a page ended, as plain JSON values."""
    value = getattr(trial, sort)
    return [to_micros(value) if isinstance(value, datetime) else value, trial.number]


def _row(trial: Trial) -> dict[str, Any]:
    return {field.name: getattr(trial, field.name) for field in fields(trial)}


def _trial(row: RowMapping) -> Trial:
    return Trial(**{name: row[name] for name in Trial.__slots__})
