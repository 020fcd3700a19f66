"""Opening the database, and the two kinds of transaction: `read` and `write`.

SQLite runs in WAL mode with synchronous=FULL: what a client was told is on disk. There is one writer at a time
(SQLite allows no more); a lock in front of it makes waiting fair instead of polling.
"""

from __future__ import annotations

import errno
import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Executable, create_engine, event
from sqlalchemy.engine import CursorResult, Engine
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from clary.base.crash import crash_here
from clary.base.errors import ConfigurationError
from clary.store.remembered import Facts, Remembered
from clary.store.schema_version import ensure_schema

# What says nothing about the work that was tried: a disk that is full, a database that is locked.
DATABASE_TROUBLE: tuple[type[Exception], ...] = (OperationalError, PoolTimeoutError)
Listener = Callable[[Mapping[int, str]], None]


class Transaction:
    """An open transaction. `touched` maps ids of changed resources to their kinds, for whoever waits on them.

    `stale` names the facts (see `Database.facts`) that it changes.
    """

    __slots__ = ("connection", "remembered", "stale", "touched")

    def __init__(self, connection: Connection, remembered: Remembered) -> None:
        self.connection = connection
        self.remembered = remembered
        self.touched: dict[int, str] = {}
        self.stale: set[Hashable] = set()

    def touch(self, resource_id: int, kind: str) -> None:
        self.touched[resource_id] = kind

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self.connection.execute(statement, parameters)


class Database:
    """All durable records of one installation. Threads may share it. `facts` are what many calls ask for."""

    def __init__(self, path: Path) -> None:
        self._engine = _open_sqlite(path)
        self._writer = threading.Lock()
        self._listeners: list[Listener] = []
        self._remembered = Remembered()
        self.facts = Facts()
        try:
            ensure_schema(self._engine)
        except OperationalError:
            raise  # it may be locked, or the disk full: another try may go well
        except DatabaseError as error:
            raise ConfigurationError(f"{path} is damaged ({error.orig}); restore it from a backup.") from error

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A consistent view; sees everything committed before it began."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield Transaction(connection, self._remembered)
            finally:
                connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """All or nothing; durable when the block has ended. Listeners hear of touched resources afterwards."""
        with self._writer, self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            transaction = Transaction(connection, self._remembered)
            try:
                yield transaction
            except BaseException:
                connection.rollback()
                raise
            crash_here("store.before_commit")
            try:
                connection.commit()
            finally:
                if transaction.stale:
                    self.facts.forget(transaction.stale)
            crash_here("store.after_commit")
        self._tell(transaction.touched)

    def listen(self, listener: Listener) -> None:
        """Call `listener` with {id: kind} of changed resources after each commit (from the committing thread)."""
        self._listeners.append(listener)

    def close(self) -> None:
        self._engine.dispose()

    def _tell(self, touched: Mapping[int, str]) -> None:
        if touched:
            for listener in self._listeners:
                listener(touched)


def disk_is_full(error: Exception) -> bool:
    """Whether it is what the file system, or the database on it, says when nothing more can be written."""
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _open_sqlite(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=16,
        max_overflow=48,
        pool_use_lifo=True,  # the caches of few connections are warm, those of the others stay small
        # No isolation level: the driver must not begin transactions behind our back.
        connect_args={"timeout": 30, "check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # 1 MB of cache for each connection; more only makes control larger, as the system keeps the file in memory.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-1000"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
