"""Resources: compare-and-set, case-insensitive names, keyset paging equal to a simple model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clary.store import outbox, projections, resources, tags, work
from clary.store.database import Database, Transaction
from clary.store.resources import Query, Resource
from clary.store.transitions import TRANSITIONS, IllegalTransition

NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, UTC)
WHERE = {"account": "111122223333", "region": "us-east-1"}


@pytest.fixture
def database(tmp_path: Path):
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


def make(database: Database, name: str, *, now: datetime = NOW, kind: str = "model", status: str = "") -> Resource:
    with database.write() as tx:
        arn = f"arn:aws:sagemaker:us-east-1:111122223333:{kind}/{name.lower()}"
        return resources.create(
            tx, **WHERE, kind=kind, name=name, arn=arn, document={"at": now}, now=now, status=status
        )


def test_a_name_is_found_whatever_its_case_and_taken_in_any(database: Database) -> None:
    made = make(database, "MyModel")
    with database.read() as tx:
        assert resources.find(tx, **WHERE, kind="model", name="mymodel") == made
        assert resources.find_by_arn(tx, made.arn) == made
        assert made.document == {"at": NOW}
    with pytest.raises(resources.AlreadyExists):
        make(database, "MYMODEL")


def test_the_loser_of_two_writers_is_told(database: Database) -> None:
    first = make(database, "m")
    with database.write() as tx:
        resources.save(tx, first, document={"winner": True}, now=NOW)
    with pytest.raises(resources.StaleRevision), database.write() as tx:
        resources.save(tx, first, document={"winner": False}, now=NOW)
    with pytest.raises(resources.StaleRevision), database.write() as tx:
        resources.remove(tx, first)
    with database.read() as tx:
        found = resources.find(tx, **WHERE, kind="model", name="m")
        assert found is not None
        assert found.document == {"winner": True}


def test_only_transitions_of_the_table_can_be_written(database: Database) -> None:
    for kind, machine in TRANSITIONS.items():
        for before, allowed in machine.items():
            for after in machine:
                row = make(database, f"{kind}-{before}-{after}", kind=kind, status=before)
                if after == before or after in allowed:
                    with database.write() as tx:
                        assert resources.save(tx, row, status=after, now=NOW).status == after
                else:
                    with pytest.raises(IllegalTransition), database.write() as tx:
                        resources.save(tx, row, status=after, now=NOW)


def create_and_fail(tx: Transaction) -> None:
    resources.create(tx, **WHERE, kind="model", name="x", arn="arn:x", document={}, now=NOW)
    raise RuntimeError


def test_a_failed_transaction_leaves_nothing_and_tells_nobody(database: Database) -> None:
    heard: list[int] = []
    database.listen(heard.extend)
    with pytest.raises(RuntimeError), database.write() as tx:
        create_and_fail(tx)
    assert heard == []
    with database.read() as tx:
        assert resources.find(tx, **WHERE, kind="model", name="x") is None
    made = make(database, "x")
    assert set(heard) == {made.id, outbox.TOUCHED}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.text("abAB-1", min_size=1, max_size=4), unique_by=str.lower, max_size=12),
    minutes=st.lists(st.integers(0, 3), min_size=12, max_size=12),
    size=st.integers(1, 5),
    sort=st.sampled_from(["name", "created_at"]),
    descending=st.booleans(),
    contains=st.sampled_from([None, "a", "-"]),
)
def test_pages_joined_are_the_whole_list(tmp_path_factory, names, minutes, size, sort, descending, contains) -> None:
    database = Database(tmp_path_factory.mktemp("db") / "clary.db")
    rows = [make(database, n, now=NOW + timedelta(minutes=m)) for n, m in zip(names, minutes, strict=False)]
    keys = {"name": lambda r: (r.name.lower(), r.id), "created_at": lambda r: (r.created_at, r.id)}
    wanted = [r for r in rows if contains is None or contains in r.name.lower()]
    wanted.sort(key=keys[sort], reverse=descending)
    query = Query(**WHERE, kind="model", sort=sort, descending=descending, limit=size, name_contains=contains)
    seen: list[Resource] = []
    with database.read() as tx:
        while page := resources.page(tx, query):
            seen += page
            query = replace(query, after=resources.position(page[-1], sort))
    assert [r.name for r in seen] == [r.name for r in wanted]
    database.close()


def test_lists_use_an_index(database: Database) -> None:
    for sort in ("name", "created_at", "updated_at", "status"):
        plan = _plan(database, Query(**WHERE, kind="model", sort=sort))
        assert "USING INDEX" in plan, plan
        assert "SCAN resources" not in plan, plan


def _plan(database: Database, query: Query) -> str:
    statements: list[str] = []

    class Recorder:
        def execute(self, statement):
            compiled = statement.compile(dialect=database._engine.dialect, compile_kwargs={"literal_binds": True})
            statements.append(str(compiled))
            return transaction.execute(statement)

    with database.read() as transaction:
        resources.page(Recorder(), query)
        rows = transaction.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statements[0]}").all()
    return " ".join(str(row[-1]) for row in rows)


def test_work_survives_and_a_request_during_a_look_is_not_lost(database: Database) -> None:
    row = make(database, "m")
    with database.write() as tx:
        work.enqueue(tx, row, NOW)
    with database.read() as tx:
        (item,) = work.pending(tx)
    with database.write() as tx:
        work.enqueue(tx, row, NOW)
    with database.write() as tx:
        assert not work.finish(tx, item)
    with database.read() as tx:
        newer = work.find(tx, row.id)
    assert newer is not None
    with database.write() as tx:
        assert work.finish(tx, newer)
    with database.read() as tx:
        assert work.pending(tx) == []


def test_tags_follow_the_arn_in_any_case(database: Database) -> None:
    arn = "arn:aws:sagemaker:us-east-1:111122223333:model/MyModel"
    with database.write() as tx:
        tags.put(tx, arn, {"b": "1", "a": "2"})
        tags.put(tx, arn.lower(), {"a": "3"})
        assert tags.read(tx, arn) == {"a": "3", "b": "1"}
        assert tags.count(tx, arn) == 2
        tags.drop(tx, arn, ["a"])
        assert tags.read(tx, arn) == {"b": "1"}
        tags.drop_all(tx, arn)
        assert tags.read(tx, arn) == {}


def test_opening_again_finds_everything(tmp_path: Path) -> None:
    first = Database(tmp_path / "clary.db")
    made = make(first, "kept")
    first.close()
    second = Database(tmp_path / "clary.db")
    with second.read() as tx:
        assert resources.find_by_id(tx, made.id) == made
    second.close()


def test_what_search_reads_of_many_rows_is_in_one_index(database: Database) -> None:
    """Rows lie far apart, because of their documents: looking each of them up takes most of the time."""
    make(database, "one")
    plans = []
    with database.read() as tx:
        query = Query("111122223333", "us-east-1", "model")
        execute = tx.connection.exec_driver_sql
        for columns in ("id, revision", "id, revision, status, updated_at"):
            where = "account = 'a' AND region = 'r' AND kind = 'k'"
            plans += [row[3] for row in execute(f"EXPLAIN QUERY PLAN SELECT {columns} FROM resources WHERE {where}")]
        assert dict(projections.read(tx, query, ("name", "status", "arn"))) == {
            1: ("one", "", "arn:aws:sagemaker:us-east-1:111122223333:model/one")
        }
    assert all("COVERING INDEX" in plan for plan in plans)
