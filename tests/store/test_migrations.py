"""The database comes to the newest schema by itself, also after a crash on the way."""

from __future__ import annotations

import gc
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine

from clary.base.errors import ConfigurationError
from clary.store.database import Database
from clary.store.migrate import configuration
from clary.store.schema_version import HEAD
from clary.store.tables import METADATA


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == HEAD


def test_the_migrations_make_the_tables_that_the_code_expects(tmp_path: Path) -> None:
    Database(tmp_path / "clary.db").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'clary.db'}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert differences == []


def test_a_crash_in_the_middle_is_made_good_by_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "clary.db"
    program = (
        "import os, signal, sys\n"
        "from alembic import op\n"
        "from clary.store import migrate\n"
        "create = migrate.command.upgrade\n"
        "def dying(config, revision):\n"
        "    create(config, revision)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "migrate.command.upgrade = dying\n"
        "from sqlalchemy import create_engine\n"
        "options = {'isolation_level': None}\n"
        "migrate.migrate(create_engine('sqlite:///' + sys.argv[1], connect_args=options))\n"
    )
    died = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    database = Database(path)
    with database.read() as tx:
        assert tx.connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM resources").scalar() == 0
    database.close()


def changed(path: Path, *statements: str) -> None:
    """The database as another version could have left it."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Database(tmp_path / "clary.db").close()
    return tmp_path / "clary.db"


def test_what_an_older_version_did_not_have_is_made(path: Path) -> None:
    changed(
        path,
        "INSERT INTO log_groups (account, region, name, created_ms) VALUES ('a', 'r', 'kept', 1)",
        "DROP TABLE key_uses",
        "DROP INDEX ix_resources_arn",
        "ALTER TABLE log_groups DROP COLUMN retention_days",
    )
    Database(path).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        rows = connection.exec_driver_sql("SELECT name, retention_days FROM log_groups").all()
    engine.dispose()
    assert rows == [("kept", None)]


class Died(BaseException):
    """The process ended here."""


def schema(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY 1, 2").fetchall()
        return [*rows, *connection.execute("SELECT version_num FROM alembic_version").fetchall()]


def open_and_die(path: Path, at: int) -> int:
    """Open the database, and end at this statement; how many statements there were."""
    count = 0

    def statement(*_: object) -> None:
        nonlocal count
        count += 1
        if count == at:
            raise Died

    event.listen(Engine, "before_cursor_execute", statement)
    try:
        Database(path).close()
    except Died:
        gc.collect()  # the connection goes as it would with its process
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
    return count


@pytest.mark.parametrize("begin", ["nothing", "the first schema", "an older version's tables"])
def test_a_death_at_any_statement_is_made_good_by_the_next_start(tmp_path: Path, begin: str) -> None:
    start, path = tmp_path / "start.db", tmp_path / "clary.db"
    start.touch()
    if begin != "nothing":
        Database(start).close()
        older = ["DROP TABLE key_uses", "DROP INDEX ix_resources_arn", "DROP TABLE client_tokens"]
        changed(start, *(older if begin.startswith("an") else ["UPDATE alembic_version SET version_num = '0001'"]))
    shutil.copy(start, path)
    statements = open_and_die(path, 0)
    expected = schema(path)
    for at in {*range(1, statements + 1, max(1, statements // 6)), statements - 1, statements}:
        for leftover in tmp_path.glob("clary.db*"):
            leftover.unlink()
        shutil.copy(start, path)
        assert open_and_die(path, at) == at
        Database(path).close()
        assert schema(path) == expected, at


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["ALTER TABLE log_streams DROP COLUMN stored_bytes"], "the table log_streams has no column stored_bytes"),
        (
            ["DROP TABLE key_uses", "CREATE TABLE key_uses (access_key_id TEXT PRIMARY KEY, colour TEXT NOT NULL)"],
            "the table key_uses needs colour",
        ),
        (["UPDATE alembic_version SET version_num = '9999'"], "made by a newer version of Clary (schema 9999"),
    ],
)
def test_what_cannot_be_upgraded_is_said_in_one_sentence(path: Path, statements: list[str], reason: str) -> None:
    changed(path, *statements)
    with pytest.raises(ConfigurationError) as caught:
        Database(path)
    assert reason in str(caught.value)
    assert "--data" in str(caught.value)


def test_what_is_no_database_is_said_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "clary.db"
    path.write_bytes(b"no database at all, " * 500)
    with pytest.raises(ConfigurationError, match=r"clary\.db is damaged .*backup"):
        Database(path)


def test_a_complete_database_is_not_written(path: Path) -> None:
    changed(path, "PRAGMA user_version")
    before = path.read_bytes()
    Database(path).close()
    assert path.read_bytes() == before
