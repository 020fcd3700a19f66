"""Log tables: append with its cursor, escaping, expiry, and plans that use the indexes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from clary.base.clock import to_epoch_ms
from clary.store import logs
from clary.store.database import Database, Transaction
from clary.store.log_records import Group, Span, Stream

NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, UTC)
WHERE = ("111122223333", "us-east-1", "/aws/sagemaker/TrainingJobs", "job/algo-1")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


def found(tx: Transaction) -> tuple[Group, Stream]:
    group = logs.find_group(tx, *WHERE[:3])
    assert group is not None
    stream = logs.find_stream(tx, group, WHERE[3])
    assert stream is not None
    return group, stream


def messages(tx: Transaction) -> list[str]:
    return [event.message for event in logs.page_stream(tx, found(tx)[1], Span(), after=None, limit=100)]


def test_append_makes_what_is_missing_and_keeps_the_cursor(database: Database) -> None:
    with database.read() as tx:
        assert logs.read_cursor(tx, *WHERE) == 0
    with database.write() as tx:
        logs.append(tx, *WHERE, [(1000, "one"), (2000, "two")], now=NOW, cursor=8)
    with database.write() as tx:
        logs.append(tx, *WHERE, [(1500, "late")], now=NOW + timedelta(seconds=1), cursor=13)
    with database.read() as tx:
        group, stream = found(tx)
        assert logs.read_cursor(tx, *WHERE) == 13
        assert messages(tx) == ["one", "late", "two"]
        assert (stream.first_ms, stream.last_ms) == (1000, 2000)
        assert stream.ingested_ms == to_epoch_ms(NOW) + 1000
        assert logs.stored_bytes(tx, group) == len("onetwolate") + 3 * 26


def test_events_and_cursor_are_written_together_or_not_at_all(database: Database) -> None:
    with database.write() as tx:
        logs.append(tx, *WHERE, [(1000, "one")], now=NOW, cursor=4)

    def interrupted() -> None:
        with database.write() as tx:
            logs.append(tx, *WHERE, [(1001, "two")], now=NOW, cursor=8)
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        interrupted()
    with database.read() as tx:
        assert (messages(tx), logs.read_cursor(tx, *WHERE)) == (["one"], 4)


def test_a_cursor_can_move_without_events_and_stay_without_being_named(database: Database) -> None:
    with database.write() as tx:
        logs.append(tx, *WHERE, [], now=NOW, cursor=5)
        logs.append(tx, *WHERE, [(1, "x")], now=NOW)
        assert logs.read_cursor(tx, *WHERE) == 5


def test_control_characters_are_written_as_sagemaker_s_agent_does() -> None:
    texts = ("[3]\tvalidation-auc:0.9\r", "\x1b[1mbold\x7f\0", "a\nb é")
    written = [logs.escape_controls(text) for text in texts]
    assert written == ["[3]#011validation-auc:0.9#015", "#033[1mbold#177#000", "a\nb é"]


def test_events_older_than_their_retention_expire(database: Database) -> None:
    day = 86_400_000
    now = to_epoch_ms(NOW)
    with database.write() as tx:
        logs.append(tx, *WHERE, [(now - 3 * day, "old"), (now - 2 * day, "older"), (now, "new")], now=NOW)
        assert logs.expire(tx, NOW) == 0
        group, _ = found(tx)
        logs.set_retention(tx, group, 1)
        assert logs.expire(tx, NOW, limit=1) == 1
        assert logs.expire(tx, NOW) == 1
        assert logs.expire(tx, NOW) == 0
        assert messages(tx) == ["new"]
        assert logs.stored_bytes(tx, group) == len("new") + 26
        logs.set_retention(tx, group, None)
        assert logs.expire(tx, NOW + timedelta(days=400)) == 0


def test_names_are_compared_with_their_case(database: Database) -> None:
    with database.write() as tx:
        group = logs.create_group(tx, "1", "r", "Group", NOW)
        for name in ("Job/a", "job/b", "job%c", "job_d"):
            logs.create_stream(tx, group, name, NOW)
        assert [stream.name for stream in logs.find_streams(tx, group, prefix="job")] == ["job%c", "job/b", "job_d"]
        assert [stream.name for stream in logs.page_streams(tx, group, prefix="job%", limit=9)] == ["job%c"]
        assert logs.page_groups(tx, "1", "r", prefix="group", limit=9) == []
        assert [found.name for found in logs.page_groups(tx, "1", "r", contains="rou", limit=9)] == ["Group"]
        assert logs.page_groups(tx, "1", "other", limit=9) == []


def test_pages_seek_in_an_index(database: Database) -> None:
    """A follower asks every few seconds: its question must not read what it has read before."""
    statements: list[tuple[str, Any]] = []
    with database.write() as tx:
        logs.append(tx, *WHERE, [(at, "x") for at in range(50)], now=NOW)
        group, stream = found(tx)

        @event.listens_for(tx.connection, "before_cursor_execute")
        def remember(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
            if statement.startswith("SELECT"):
                statements.append((statement, parameters))

        logs.page_stream(tx, stream, Span(10, 40), after=(20, 5), limit=10)
        logs.page_stream_back(tx, stream, Span(), before=(20, 5), limit=10)
        logs.page_group(tx, group, Span(), after=(20, 5), limit=10)
        plans = [
            [row[3] for row in tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in statements
        ]
    owners = ["stream_id", "stream_id", "group_id"]
    assert len(plans) == len(owners)
    for plan, owner in zip(plans, owners, strict=True):
        (step,) = plan
        assert step.startswith("SEARCH log_events USING INDEX")
        assert f"({owner}=? AND timestamp" in step
