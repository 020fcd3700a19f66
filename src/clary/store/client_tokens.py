"""Calls that came with a client token, and what they were answered, for calls that leave no row to keep it with.

An entry is kept for a day: retries come within minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Index, Table, Text, delete, insert, select

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Document, Moment, RowId

CLIENT_TOKENS = Table(
    "client_tokens",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("answer", Document, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "account", "region", "operation", "token", unique=True),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

_KEPT = timedelta(days=1)
_TIDIED = 20  # old entries that go with each new one
_C = CLIENT_TOKENS.c


@dataclass(frozen=True, slots=True)
class Answered:
    """A call that was answered: the fingerprint of its request, and the answer."""

    said: str
    answer: dict[str, Any]


def find(tx: Transaction, account: str, region: str, operation: str, token: str, now: datetime) -> Answered | None:
    key = (_C.account == account, _C.region == region, _C.operation == operation, _C.token == token)
    row = tx.execute(select(_C.said, _C.answer).where(*key, _C.at > now - _KEPT)).first()
    return None if row is None else Answered(row.said, row.answer)


def remember(
    tx: Transaction, account: str, region: str, operation: str, token: str, answered: Answered, now: datetime
) -> None:
    """Note an answer; some entries that are too old are forgotten on the way."""
    key = {"account": account, "region": region, "operation": operation, "token": token}
    tx.execute(delete(CLIENT_TOKENS).where(*(_C[name] == value for name, value in key.items())))
    tx.execute(insert(CLIENT_TOKENS).values(**key, said=answered.said, answer=answered.answer, at=now))
    old = select(_C.id).where(_C.at <= now - _KEPT).order_by(_C.at).limit(_TIDIED)
    tx.execute(delete(CLIENT_TOKENS).where(_C.id.in_(old)))
