"""The access snapshot as read from IAM's rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clary.base.installation import Installation
from clary.base.snapshots import read_access, write_access
from clary.store import principals, resources
from clary.store.database import Database
from clary.store.resources import Resource
from tests.access.documents import allow, deny, policy, text_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HOME = "111122223333"
INSTALLATION = Installation(HOME, "us-east-1", "AKIAROOT000000000000", "secret", "00" * 32)
ROLE = f"arn:aws:iam::{HOME}:role/r"
S3, LOGS = policy(allow("s3:*")), policy(allow("logs:*"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


def add(database: Database, kind: str, name: str, arn: str, account: str = HOME, **document: Any) -> Resource:
    with database.write() as tx:
        return resources.create(
            tx, account=account, region="", kind=kind, name=name, arn=arn, document=document, now=NOW
        )


def add_policy(database: Database, name: str, document: dict[str, Any], account: str = HOME) -> str:
    arn = f"arn:aws:iam::{account}:policy/{name}"
    add(database, principals.POLICY, name, arn, account, Text=text_of(document))
    return arn


def add_role(database: Database, **changes: Any) -> None:
    document = {"RoleId": "AROA1", "Inline": {}, "Attached": [], "Tags": {}, **changes}
    add(database, principals.ROLE, "r", ROLE, **document)


def test_an_empty_installation_has_root(database: Database) -> None:
    with database.read() as tx:
        access = principals.read_access(tx, INSTALLATION, 3)
    assert access.number == 3
    key = access.keys["AKIAROOT000000000000"]
    assert (key.secret, key.principal_arn, key.active) == ("secret", INSTALLATION.root_arn, True)
    assert access.principals[INSTALLATION.root_arn].root
    assert list(access.principals) == [INSTALLATION.root_arn]


def test_a_role_with_everything(database: Database, tmp_path: Path) -> None:
    own, managed = add_policy(database, "Own", LOGS), add_policy(database, "Managed", S3, principals.AWS)
    add_role(
        database,
        Inline={"a": text_of(policy(deny("*")))},
        Attached=[own, managed],
        Boundary=managed,
        Tags={"Team": "fraud"},
    )
    with database.read() as tx:
        access = principals.read_access(tx, INSTALLATION, 1)
        alone = principals.policies_of(tx, ROLE)
    role = access.principals[ROLE]
    assert role.policies == (policy(deny("*")), LOGS, S3)
    assert (role.boundary, role.tags, role.root) == (S3, {"Team": "fraud"}, False)
    assert alone == role
    write_access(tmp_path / "access.json", access)
    assert read_access(tmp_path / "access.json") == access


def test_a_boundary_that_is_gone_closes(database: Database) -> None:
    add_role(database, Boundary=f"arn:aws:iam::{HOME}:policy/gone")
    with database.read() as tx:
        role = principals.policies_of(tx, ROLE)
        assert role == principals.read_access(tx, INSTALLATION, 1).principals[ROLE]
    assert role is not None
    assert role.boundary == policy(deny("*"))


def test_only_roles_have_policies(database: Database) -> None:
    arn = add_policy(database, "Own", LOGS)
    with database.read() as tx:
        assert principals.policies_of(tx, arn) is None
        assert principals.policies_of(tx, ROLE) is None
        assert principals.policies_of(tx, INSTALLATION.root_arn) is None


def test_text_of_a_policy(database: Database) -> None:
    own, managed = add_policy(database, "Own", LOGS), add_policy(database, "Managed", S3, principals.AWS)
    foreign = add_policy(database, "Foreign", S3, "999988887777")
    add_role(database)
    with database.read() as tx:
        found = [principals.policy_text(tx, HOME, arn) for arn in (own, managed, foreign, ROLE)]
    assert found == [text_of(LOGS), text_of(S3), None, None]
