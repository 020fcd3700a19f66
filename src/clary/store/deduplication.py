"""What was sent to FIFO queues and topics in the last minutes, so that nothing is taken twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, insert, or_, select
from sqlalchemy.sql.elements import ColumnElement

from clary.store.database import Transaction
from clary.store.queue_records import DEDUPLICATIONS

WINDOW = timedelta(minutes=5)
_TIDIED = 20  # old rows that go with each new one
_D = DEDUPLICATIONS.c


@dataclass(frozen=True, slots=True)
class Sent:
    """An earlier message with the same deduplication id."""

    message_id: str
    sequence: int


def find(tx: Transaction, owner_id: int, scope: str, deduplication_id: str, now: datetime) -> Sent | None:
    """What was sent under this id within the window. `owner_id` is the resource, `scope` a message group or empty."""
    chosen = select(_D.message_id, _D.sequence).where(*_key(owner_id, scope, deduplication_id), _D.at > now - WINDOW)
    row = tx.execute(chosen).first()
    return None if row is None else Sent(row.message_id, row.sequence)


def remember(tx: Transaction, owner_id: int, scope: str, deduplication_id: str, sent: Sent, now: datetime) -> None:
    """Note a message; some that are past the window are forgotten on the way."""
    tx.execute(delete(DEDUPLICATIONS).where(*_key(owner_id, scope, deduplication_id)))
    values = {"message_id": sent.message_id, "sequence": sent.sequence, "at": now}
    tx.execute(
        insert(DEDUPLICATIONS).values(queue_id=owner_id, scope=scope, deduplication_id=deduplication_id, **values)
    )
    old = select(_D.scope, _D.deduplication_id).where(_D.queue_id == owner_id, _D.at <= now - WINDOW)
    rows = tx.execute(old.order_by(_D.at).limit(_TIDIED)).all()
    if rows:
        past = [and_(_D.scope == row.scope, _D.deduplication_id == row.deduplication_id) for row in rows]
        tx.execute(delete(DEDUPLICATIONS).where(_D.queue_id == owner_id, or_(*past)))


def forget(tx: Transaction, owner_id: int) -> None:
    """The queue or topic is deleted."""
    tx.execute(delete(DEDUPLICATIONS).where(_D.queue_id == owner_id))


def _key(owner_id: int, scope: str, deduplication_id: str) -> tuple[ColumnElement[bool], ...]:
    return (_D.queue_id == owner_id, _D.scope == scope, _D.deduplication_id == deduplication_id)
