"""Whether a database has everything that this version's tables say, and making what is missing.

Called by `schema_version` at each start, after the migrations, and loaded by name there: it knows all tables. Until
the first release a newer version may bring tables, indices and columns without a migration.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection
from sqlalchemy.engine import Engine
from sqlalchemy.schema import CreateColumn, CreateIndex

from clary.base.errors import ConfigurationError
from clary.base.log import get_logger
from clary.store.tables import METADATA

log = get_logger(__name__)

_COLUMNS = (
    'SELECT m.name, c.name, c."notnull" AND c.dflt_value IS NULL AND c.pk = 0'
    " FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'"
)
_INDICES = "SELECT name FROM sqlite_master WHERE type = 'index'"


def complete(engine: Engine) -> None:
    """Make what can be made; ConfigurationError for the rest. Changes nothing in a database that is complete."""
    with engine.connect() as connection:
        found = _columns(connection)
        indices = {row[0] for row in connection.exec_driver_sql(_INDICES)}
    lacking = list(_statements(engine, found, indices))
    missing_tables = [table.name for table in METADATA.sorted_tables if table.name not in found]
    if not lacking and not missing_tables:
        return
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        METADATA.create_all(connection)  # tables with their indices; what exists is left as it is
        for statement in lacking:
            connection.exec_driver_sql(statement)
        connection.commit()
    log.info("database completed", extra={"tables": missing_tables, "statements": lacking})


def _columns(connection: Connection) -> dict[str, dict[str, bool]]:
    """By table: its columns, and whether a row must have a value there."""
    found: dict[str, dict[str, bool]] = {}
    for table, column, needed in connection.exec_driver_sql(_COLUMNS):
        found.setdefault(table, {})[column] = bool(needed)
    return found


def _statements(engine: Engine, found: dict[str, dict[str, bool]], indices: set[str]) -> Iterator[str]:
    """For tables that are there but have less than they should."""
    for table in METADATA.sorted_tables:
        known = found.get(table.name)
        if known is None:
            continue
        unknown = sorted(name for name, needed in known.items() if needed and name not in table.c)
        if unknown:
            raise _other_version(table.name, f"needs {', '.join(unknown)}, which this version does not have")
        for column in table.columns:
            if column.name not in known:
                yield _added(engine, table.name, column)
        for index in table.indexes:
            if str(index.name) not in indices:
                yield str(CreateIndex(index).compile(engine))


def _added(engine: Engine, table: str, column: Column[Any]) -> str:
    """Old rows have nothing in a new column, so it must be one that may be empty."""
    if not column.nullable:
        raise _other_version(table, f"has no column {column.name}")
    return f"ALTER TABLE {table} ADD COLUMN {CreateColumn(column).compile(engine)}"


def _other_version(table: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The database was made by another version of Clary that cannot be upgraded: the table {table} {why}. "
        "Serve it with the version that made it, or begin with a new data folder (--data)."
    )
