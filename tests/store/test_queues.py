"""Queued messages: handing out, groups, dead letters, expiry, and plans that use the indexes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from clary.store import deduplication, queues
from clary.store.database import Database, Transaction
from clary.store.deduplication import Sent
from clary.store.queue_records import Backlog, DeadLetters, Message

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
QUEUE, LETTERS = 7, 8


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


def send(tx: Transaction, body: str, *, group: str = "", queue: int = QUEUE, after: int = 0) -> int:
    return queues.send(
        tx,
        queue,
        body=body,
        document={},
        message_id=f"id-{body}",
        group_id=group,
        fifo=bool(group),
        sent_at=NOW,
        visible_at=NOW + after * SECOND,
    )


def take(tx: Transaction, *, at: int = 0, limit: int = 10, hidden: int = 30, **changes: Any) -> list[Message]:
    now = NOW + at * SECOND
    arguments: dict[str, Any] = {"fifo": False, "dead_letters": None, **changes}
    return queues.take(tx, QUEUE, limit=limit, now=now, until=now + hidden * SECOND, **arguments)


def bodies(messages: list[Message]) -> list[str]:
    return [message.body for message in messages]


def test_a_message_is_hidden_until_its_time_is_over(database: Database) -> None:
    with database.write() as tx:
        send(tx, "one")
        send(tx, "two", after=5)
        first = take(tx)
        assert bodies(first) == ["one"]
        assert queues.count(tx, QUEUE, NOW) == Backlog(visible=0, in_flight=1, delayed=1)
        assert bodies(take(tx, at=5)) == ["two"]
        assert not queues.has_any(tx, QUEUE, fifo=False, now=NOW + 29 * SECOND)
        (again,) = take(tx, at=30, limit=1)
        assert (again.body, again.receives, again.receipt == first[0].receipt) == ("one", 2, False)
        queues.remove(tx, again, fifo=False, now=NOW)
        assert queues.find(tx, QUEUE, again.id) is None


def test_a_receive_without_hiding_gives_each_message_once(database: Database) -> None:
    with database.write() as tx:
        for body in "abc":
            send(tx, body)
        assert bodies(take(tx, hidden=0)) == ["a", "b", "c"]
        send(tx, "x", group="g")
        assert "x" in bodies(take(tx, hidden=0, fifo=True))


def test_a_group_waits_for_its_messages_in_flight(database: Database) -> None:
    with database.write() as tx:
        for body in ("a1", "b1", "a2", "a3"):
            send(tx, body, group=body[0])
        assert bodies(take(tx, limit=2, fifo=True)) == ["a1", "a2"]
        (b1,) = take(tx, fifo=True)
        assert not queues.has_any(tx, QUEUE, fifo=True, now=NOW)
        queues.remove(tx, b1, fifo=True, now=NOW)
        assert take(tx, fifo=True) == []
        a1, a2 = take(tx, at=30, limit=2, fifo=True)
        queues.remove(tx, a2, fifo=True, now=NOW + 30 * SECOND)
        assert take(tx, at=31, fifo=True) == []
        queues.hide(tx, a1, NOW + 31 * SECOND, fifo=True, now=NOW + 31 * SECOND)
        assert bodies(take(tx, at=31, fifo=True)) == ["a1", "a3"]


@pytest.mark.parametrize("fifo", [False, True])
def test_what_was_received_too_often_is_moved(database: Database, fifo: bool) -> None:
    letters = DeadLetters(LETTERS, 1, "arn:source")
    with database.write() as tx:
        for number in range(25):
            send(tx, f"bad{number}", group="g" if fifo else "")
        for _ in range(3):
            take(tx, hidden=0, fifo=fifo)
            tx.execute(queues.MESSAGES.update().values(receives=1))
        send(tx, "good", group="g" if fifo else "")
        assert bodies(take(tx, fifo=fifo, dead_letters=letters)) == ["good"]
        assert queues.count(tx, LETTERS, NOW).visible == 25
        taken = queues.take(tx, LETTERS, fifo=fifo, limit=10, now=NOW, until=NOW + SECOND, dead_letters=None)
        assert bodies(taken) == [f"bad{number}" for number in range(10)]
        assert taken[0].document == {"source": "arn:source"}


def test_expiry_and_purge_leave_nothing_behind(database: Database) -> None:
    with database.write() as tx:
        send(tx, "old", group="g")
        send(tx, "other", queue=LETTERS)
        assert not queues.any_before(tx, QUEUE, NOW)
        assert queues.any_before(tx, QUEUE, NOW + SECOND)
        assert queues.expire(tx, QUEUE, NOW + SECOND, now=NOW) == 1
        assert not queues.has_any(tx, QUEUE, fifo=True, now=NOW)
        send(tx, "new", group="g")
        queues.purge(tx, QUEUE)
        assert not queues.has_any(tx, QUEUE, fifo=True, now=NOW)
        assert queues.count(tx, LETTERS, NOW).visible == 1


def test_duplicates_are_known_for_five_minutes(database: Database) -> None:
    with database.write() as tx:
        deduplication.remember(tx, QUEUE, "", "d", Sent("m", 3), NOW)
        late = NOW + deduplication.WINDOW
        assert deduplication.find(tx, QUEUE, "", "d", late - SECOND) == Sent("m", 3)
        assert deduplication.find(tx, QUEUE, "", "d", late) is None
        assert deduplication.find(tx, QUEUE, "g", "d", NOW) is None
        deduplication.remember(tx, QUEUE, "", "e", Sent("n", 4), late)
        assert deduplication.find(tx, QUEUE, "", "d", NOW) is None


def test_no_receive_reads_the_whole_table(database: Database) -> None:
    statements: list[tuple[str, Any]] = []
    with database.write() as tx:
        for number in range(20):
            send(tx, str(number))
            send(tx, str(number), group=f"g{number}", queue=LETTERS)

        def note(_connection: Any, _cursor: Any, text: str, parameters: Any, *_rest: Any) -> None:
            statements.append((text, parameters))

        event.listen(tx.connection, "before_cursor_execute", note)
        take(tx, limit=3)
        queues.take(tx, LETTERS, fifo=True, limit=3, now=NOW, until=NOW + SECOND, dead_letters=None)
        queues.has_any(tx, QUEUE, fifo=False, now=NOW)
        queues.count(tx, QUEUE, NOW)
        queues.any_before(tx, QUEUE, NOW)
        event.remove(tx.connection, "before_cursor_execute", note)
        for text, parameters in statements:
            plan = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters).all()
            assert not [row for row in plan if row[3].startswith("SCAN queue_")], (text, plan)
    assert len(statements) > 10
