"""Messages of queues: sending, handing out, acknowledging, expiring. Which queues there are is not known here.

Each function costs a few index look-ups, however long the queue is. A FIFO queue has one row per message group that
says when the group has something to hand out; it is brought up to date by whatever changes the group's first
messages. There is one writer at a time, so that a message is never handed out twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from clary.base import ids
from clary.store import resources
from clary.store.database import Transaction
from clary.store.queue_records import GROUPS, MESSAGES, Backlog, DeadLetters, Message

TOUCHED = -3
"""The id under which listeners of the database hear that a queue has something to hand out (kind `queue-message`)."""

MOST_RECEIVED = 10
_MOST_MOVED = 1000  # to the dead letters in one receive; others wait for the writer meanwhile
_T = MESSAGES.c


def send(
    tx: Transaction,
    queue_id: int,
    *,
    body: str,
    document: dict[str, Any],
    message_id: str,
    group_id: str,
    fifo: bool,
    sent_at: datetime,
    visible_at: datetime,
) -> int:
    """Store a message; returns its place in the order of the queue."""
    values = {
        "queue_id": queue_id,
        "message_id": message_id,
        "group_id": group_id,
        "body": body,
        "document": document,
        "sent_at": sent_at,
        "visible_at": visible_at,
        "receives": 0,
        "first_received_at": None,
        "receipt": "",
    }
    row_id: int = tx.execute(insert(MESSAGES).values(values)).inserted_primary_key[0]  # type: ignore[index]  # has one
    if fifo and _available_at(tx, queue_id, group_id) is None:
        tx.execute(insert(GROUPS).values(queue_id=queue_id, group_id=group_id, available_at=visible_at))
    tx.touch(TOUCHED, "queue-message")
    return row_id


def has_any(tx: Transaction, queue_id: int, *, fifo: bool, now: datetime) -> bool:
    """Whether `take` would find something; only reads."""
    if fifo:
        ready = select(GROUPS.c.group_id).where(GROUPS.c.queue_id == queue_id, GROUPS.c.available_at <= now)
        return tx.execute(ready.limit(1)).first() is not None
    return tx.execute(_visible(queue_id, now).limit(1)).first() is not None


def take(
    tx: Transaction,
    queue_id: int,
    *,
    fifo: bool,
    limit: int,
    now: datetime,
    until: datetime,
    dead_letters: DeadLetters | None,
) -> list[Message]:
    """Hand out up to `limit` messages, which nobody else gets before `until`."""
    taking = _Taking(tx, queue_id, limit, now, until, dead_letters)
    if fifo:
        taking.from_groups()
    else:
        taking.from_queue()
    return taking.taken


class _Taking:
    """One receive: what it has taken so far, and how many it has moved to the dead letters."""

    def __init__(
        self, tx: Transaction, queue_id: int, limit: int, now: datetime, until: datetime, dead: DeadLetters | None
    ) -> None:
        self.taken: list[Message] = []
        self._tx = tx
        self._queue_id = queue_id
        self._limit = limit
        self._now = now
        self._until = until
        self._dead = dead
        self._moved = 0

    def from_queue(self) -> None:
        while self._goes_on():
            mine = [message.id for message in self.taken]
            found = _visible(self._queue_id, self._now).where(_T.id.not_in(mine)).order_by(_T.visible_at, _T.id)
            rows = _messages(self._tx, found.limit(self._left()))
            for row in rows:
                self._take_or_move(row, fifo=False)
            if not rows:
                return

    def from_groups(self) -> None:
        """Each group once, those that have waited longest first."""
        table = GROUPS.c
        ready = select(table.group_id).where(table.queue_id == self._queue_id, table.available_at <= self._now)
        seen: set[str] = set()
        while self._goes_on():
            chosen = ready.where(table.group_id.not_in(seen)).order_by(table.available_at, table.group_id)
            groups = self._tx.execute(chosen.limit(self._left())).scalars().all()
            if not groups:
                return
            for group_id in groups:
                if self._goes_on():
                    self._from_group(group_id)
                seen.add(group_id)

    def _from_group(self, group_id: str) -> None:
        before = len(self.taken)
        in_order = select(MESSAGES).where(_of_group(self._queue_id, group_id)).order_by(_T.id)
        while self._goes_on() and len(self.taken) == before:
            rows = _messages(self._tx, in_order.limit(self._left()))
            due = list(takewhile(lambda row: row.visible_at <= self._now, rows))
            for row in due:
                self._take_or_move(row, fifo=True)
            if not due:
                break
        refresh_group(self._tx, self._queue_id, group_id, self._now)

    def _goes_on(self) -> bool:
        return self._left() > 0 and self._moved < _MOST_MOVED

    def _left(self) -> int:
        return self._limit - len(self.taken)

    def _take_or_move(self, row: Message, *, fifo: bool) -> None:
        if self._dead is not None and row.receives >= self._dead.max_receives:
            _bury(self._tx, row, self._dead, fifo=fifo, now=self._now)
            self._moved += 1
            return
        changed = {
            "receives": row.receives + 1,
            "visible_at": self._until,
            "first_received_at": row.first_received_at or self._now,
            "receipt": ids.short_id(20),
        }
        self._tx.execute(update(MESSAGES).where(_T.id == row.id).values(changed))
        kept = {name: getattr(row, name) for name in Message.__slots__}
        self.taken.append(Message(**{**kept, **changed}))


def find(tx: Transaction, queue_id: int, row_id: int) -> Message | None:
    found = _messages(tx, select(MESSAGES).where(_T.id == row_id, _T.queue_id == queue_id))
    return found[0] if found else None


def remove(tx: Transaction, message: Message, *, fifo: bool, now: datetime) -> None:
    """The message has been dealt with."""
    tx.execute(delete(MESSAGES).where(_T.id == message.id))
    _changed(tx, message, fifo=fifo, now=now)


def hide(tx: Transaction, message: Message, until: datetime, *, fifo: bool, now: datetime) -> None:
    """Let a message in flight become visible at another time, perhaps now."""
    tx.execute(update(MESSAGES).where(_T.id == message.id).values(visible_at=until))
    _changed(tx, message, fifo=fifo, now=now)


def count(tx: Transaction, queue_id: int, now: datetime) -> Backlog:
    received = func.count(_T.id).filter(_T.receives > 0)
    hidden = select(func.count(_T.id), received).where(_T.queue_id == queue_id, _T.visible_at > now)
    row: Sequence[Any] = tx.execute(hidden).one()
    total, in_flight = int(row[0]), int(row[1])
    visible = tx.execute(
        select(func.count()).select_from(MESSAGES).where(_T.queue_id == queue_id, _T.visible_at <= now)
    ).scalar_one()
    return Backlog(visible, in_flight, total - in_flight)


def any_before(tx: Transaction, queue_id: int, before: datetime) -> bool:
    """Whether `expire` has something to do; only reads."""
    return tx.execute(_old(queue_id, before).limit(1)).first() is not None


def expire(tx: Transaction, queue_id: int, before: datetime, *, now: datetime, limit: int = 1000) -> int:
    """Delete up to `limit` messages that were sent before a moment; returns how many."""
    rows = tx.execute(_old(queue_id, before).limit(limit)).all()
    tx.execute(delete(MESSAGES).where(_T.id.in_([row.id for row in rows])))
    for group_id in {row.group_id for row in rows if _available_at(tx, queue_id, row.group_id) is not None}:
        refresh_group(tx, queue_id, group_id, now)
    return len(rows)


def expire_everywhere(tx: Transaction, now: datetime) -> int:
    """Delete some messages past the retention of their queues; returns how many, 0 when all are gone."""
    removed = 0
    for queue in resources.all_of_kind(tx, "queue"):
        seconds = int(queue.document["attributes"]["MessageRetentionPeriod"])
        removed += expire(tx, queue.id, now - timedelta(seconds=seconds), now=now)
    return removed


def purge(tx: Transaction, queue_id: int) -> None:
    """Delete all messages of a queue; what was sent is still remembered for deduplication."""
    tx.execute(delete(MESSAGES).where(_T.queue_id == queue_id))
    tx.execute(delete(GROUPS).where(GROUPS.c.queue_id == queue_id))


def refresh_group(tx: Transaction, queue_id: int, group_id: str, now: datetime) -> None:
    """Say anew when a group has something to hand out: not while one of its messages is in flight.

    Only the first messages of a group can be in flight: never are more handed out before those are back or gone.
    """
    first = select(_T.visible_at, _T.receives).where(_of_group(queue_id, group_id)).order_by(_T.id)
    rows = tx.execute(first.limit(MOST_RECEIVED)).all()
    table = GROUPS.c
    own = (table.queue_id == queue_id, table.group_id == group_id)
    if not rows:
        tx.execute(delete(GROUPS).where(*own))
        return
    in_flight = [row.visible_at for row in rows if row.receives and row.visible_at > now]
    available_at = max(in_flight, default=max(now, rows[0].visible_at))
    tx.execute(update(GROUPS).where(*own).values(available_at=available_at))


def _bury(tx: Transaction, row: Message, dead: DeadLetters, *, fifo: bool, now: datetime) -> None:
    """Move to the dead letters; in a standard queue a message keeps the age by which it expires."""
    tx.execute(delete(MESSAGES).where(_T.id == row.id))
    send(
        tx,
        dead.queue_id,
        body=row.body,
        document={**row.document, "source": dead.source},
        message_id=row.message_id,
        group_id=row.group_id,
        fifo=fifo,
        sent_at=now if fifo else row.sent_at,
        visible_at=now,
    )


def _changed(tx: Transaction, message: Message, *, fifo: bool, now: datetime) -> None:
    if fifo:
        refresh_group(tx, message.queue_id, message.group_id, now)
    tx.touch(TOUCHED, "queue-message")


def _available_at(tx: Transaction, queue_id: int, group_id: str) -> datetime | None:
    table = GROUPS.c
    chosen = select(table.available_at).where(table.queue_id == queue_id, table.group_id == group_id)
    found: datetime | None = tx.execute(chosen).scalar()
    return found


def _visible(queue_id: int, now: datetime) -> Any:
    return select(MESSAGES).where(_T.queue_id == queue_id, _T.visible_at <= now)


def _old(queue_id: int, before: datetime) -> Any:
    return select(_T.id, _T.group_id).where(_T.queue_id == queue_id, _T.sent_at < before).order_by(_T.sent_at)


def _of_group(queue_id: int, group_id: str) -> ColumnElement[bool]:
    return (_T.queue_id == queue_id) & (_T.group_id == group_id)


def _messages(tx: Transaction, statement: Any) -> list[Message]:
    rows: Iterable[Any] = tx.execute(statement).mappings()
    return [Message(**{name: row[name] for name in Message.__slots__}) for row in rows]
