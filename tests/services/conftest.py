"""A real store in a temporary folder, and a context for one account."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.access.principals import Principal
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.services.context import Context
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.wire.paging import Pager
from tests.services.calling import ACCOUNT, NOW, Permissions


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows, to be copied: migrating costs more than most tests."""
    path = tmp_path_factory.mktemp("template") / "clary.db"
    Database(path).close()
    return path


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Iterator[Database]:
    shutil.copy(empty_database, tmp_path / "clary.db")
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def permissions() -> Permissions:
    return Permissions()


@pytest.fixture
def context(tmp_path: Path, database: Database, blobs: Blobs, permissions: Permissions) -> Context:
    return Context(
        account=ACCOUNT,
        region="us-east-1",
        principal=Principal(arn=f"arn:aws:iam::{ACCOUNT}:root", account=ACCOUNT, kind="root", principal_id=ACCOUNT),
        request_id="00000000-0000-0000-0000-000000000000",
        now=NOW,
        database=database,
        blobs=blobs,
        installation=Installation(ACCOUNT, "us-east-1", "AKIAIOSFODNN7EXAMPLE", "secret", "00" * 32),
        settings=Settings(data=tmp_path),
        pager=Pager(b"\0" * 32),
        authorize=permissions,
    )
