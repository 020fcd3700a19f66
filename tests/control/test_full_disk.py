"""A full disk is called by its name, instead of a number under which the log has more."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy.exc import OperationalError

from clary.store.database import Database, disk_is_full
from tests.control.in_process import Control


def test_a_full_file_system_is_told(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = control.client()
    s3.create_bucket(Bucket="full-disk")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ClientError, match=r"disk .* is full") as caught:
        s3.put_object(Bucket="full-disk", Key="a", Body=b"x" * 100_000)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def fill(database: Database) -> None:
    with database.write() as tx:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        tx.connection.exec_driver_sql("CREATE TABLE much (text)")
        tx.connection.exec_driver_sql("INSERT INTO much VALUES (zeroblob(1000000))")


def test_so_is_a_full_database(tmp_path: Path) -> None:
    database = Database(tmp_path / "clary.db")
    with pytest.raises(OperationalError) as caught:
        fill(database)
    database.close()
    assert disk_is_full(caught.value)


def test_other_troubles_are_not_taken_for_it() -> None:
    assert not disk_is_full(PermissionError(errno.EACCES, "no"))
    assert not disk_is_full(ValueError("full"))
