"""The outbox: told in the same transaction, only what others wait for, in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clary.store import deliveries, outbox, resources
from clary.store.database import Database, Transaction
from clary.store.resources import Resource

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "clary.sqlite3")


def make(database: Database, kind: str, status: str = "InProgress") -> Resource:
    with database.write() as tx:
        return resources.create(
            tx,
            account="1",
            region="r",
            kind=kind,
            name="X",
            arn="arn:x",
            document={"secondary": "Starting"},
            status=status,
            now=NOW,
        )


def told(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as tx:
        entries = outbox.first(tx, 100)
    return [(e.document["what"], e.document["previous_status"], e.document["status"]) for e in entries]


def _fail_after_saving(tx: Transaction, row: Resource) -> None:
    resources.save(tx, row, status="Failed", now=NOW)
    raise RuntimeError


def test_changes_of_a_watched_kind_are_told_once_each(database: Database) -> None:
    row = make(database, "training-job")
    with database.write() as tx:
        row = resources.save(tx, row, document={**row.document, "note": 1}, now=NOW)  # nobody waits for this
    with database.write() as tx:
        row = resources.save(tx, row, document={**row.document, "secondary": "Training"}, now=NOW)
    with database.write() as tx:
        row = resources.save(tx, row, status="Completed", now=NOW)
    with database.write() as tx:
        resources.remove(tx, row, now=NOW + timedelta(seconds=1))
    assert told(database) == [
        ("created", "", "InProgress"),
        ("changed", "InProgress", "InProgress"),
        ("changed", "InProgress", "Completed"),
        ("removed", "Completed", "Completed"),
    ]


def test_other_kinds_are_not_told(database: Database) -> None:
    make(database, "endpoint-config", status="")
    assert told(database) == []


def test_what_did_not_happen_is_not_told(database: Database) -> None:
    row = make(database, "training-job")
    with pytest.raises(RuntimeError), database.write() as tx:
        _fail_after_saving(tx, row)
    assert told(database) == [("created", "", "InProgress")]


def test_deliveries_are_due_until_taken(database: Database) -> None:
    with database.write() as tx:
        first = deliveries.add(tx, account="1", region="r", target="arn:q", body="a", now=NOW)
        deliveries.add(tx, account="1", region="r", target="arn:q", body="b", now=NOW + timedelta(hours=1))
    with database.read() as tx:
        (found,) = deliveries.due(tx, NOW, 10)
        assert found.id == first
        assert found.document["body"] == "a"
    with database.write() as tx:
        deliveries.postpone(tx, found, NOW + timedelta(seconds=2))
    with database.read() as tx:
        assert deliveries.due(tx, NOW, 10) == []
        assert deliveries.next_due(tx) == NOW + timedelta(seconds=2)
        (again,) = deliveries.due(tx, NOW + timedelta(seconds=2), 10)
        assert again.tries == 1
    with database.write() as tx:
        deliveries.remove(tx, again)
    with database.read() as tx:
        assert deliveries.next_due(tx) == NOW + timedelta(hours=1)
