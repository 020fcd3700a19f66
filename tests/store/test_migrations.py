"""The database comes to the newest schema by itself, also after a crash on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

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
