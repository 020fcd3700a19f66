"""Parameters of Systems Manager: one row per name, one per version. Names keep their case and are told apart by it.

Values of SecureStrings arrive here encrypted already. `document` of a version: Value, Type, KeyId, Description,
AllowedPattern, Tier, DataType, User, Labels, Modified (epoch milliseconds); of a parameter: Tags.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    RowMapping,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Document, RowId

PARAMETERS = Table(
    "parameters",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Document, nullable=False),
    UniqueConstraint("account", "region", "name"),
    sqlite_autoincrement=True,
)

VERSIONS = Table(
    "parameter_versions",
    METADATA,
    Column("parameter_id", RowId, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Document, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name with the number of its newest version; treat `document` as immutable."""

    id: int
    account: str
    region: str
    name: str
    version: int
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One value that a parameter has, or had."""

    parameter_id: int
    version: int
    document: dict[str, Any]


def find(tx: Transaction, account: str, region: str, name: str) -> Parameter | None:
    columns = PARAMETERS.c
    chosen = select(PARAMETERS).where(columns.account == account, columns.region == region, columns.name == name)
    row = tx.execute(chosen).mappings().first()
    return None if row is None else _parameter(row)


def create(tx: Transaction, account: str, region: str, name: str, document: dict[str, Any]) -> Parameter:
    """A name without versions yet; the caller has looked whether it is free (in the same transaction)."""
    values = {"account": account, "region": region, "name": name, "version": 0, "document": document}
    result = tx.execute(insert(PARAMETERS).values(values))
    row_id: int = result.inserted_primary_key[0]  # type: ignore[index]  # an insert always has one
    return Parameter(row_id, account, region, name, 0, document)


def add_version(tx: Transaction, parameter: Parameter, document: dict[str, Any]) -> int:
    """The next version; returns its number."""
    number = parameter.version + 1
    tx.execute(insert(VERSIONS).values(parameter_id=parameter.id, version=number, document=document))
    tx.execute(update(PARAMETERS).where(PARAMETERS.c.id == parameter.id).values(version=number))
    return number


def change_version(tx: Transaction, version: Version, document: dict[str, Any]) -> None:
    columns = VERSIONS.c
    this = (columns.parameter_id == version.parameter_id, columns.version == version.version)
    tx.execute(update(VERSIONS).where(*this).values(document=document))


def change(tx: Transaction, parameter: Parameter, document: dict[str, Any]) -> None:
    tx.execute(update(PARAMETERS).where(PARAMETERS.c.id == parameter.id).values(document=document))


def get_version(tx: Transaction, parameter: Parameter, number: int) -> Version | None:
    columns = VERSIONS.c
    chosen = select(VERSIONS).where(columns.parameter_id == parameter.id, columns.version == number)
    row = tx.execute(chosen).mappings().first()
    return None if row is None else _version(row)


def versions(tx: Transaction, parameter: Parameter) -> list[Version]:
    """All versions that are kept, oldest first."""
    chosen = select(VERSIONS).where(VERSIONS.c.parameter_id == parameter.id).order_by(VERSIONS.c.version)
    return [_version(row) for row in tx.execute(chosen).mappings()]


def count_versions(tx: Transaction, parameter: Parameter) -> int:
    counted = select(func.count()).where(VERSIONS.c.parameter_id == parameter.id)
    return int(tx.execute(counted).scalar_one())


def remove_version(tx: Transaction, version: Version) -> None:
    columns = VERSIONS.c
    tx.execute(
        delete(VERSIONS).where(columns.parameter_id == version.parameter_id, columns.version == version.version)
    )


def remove(tx: Transaction, parameter: Parameter) -> None:
    """The name with all its versions."""
    tx.execute(delete(VERSIONS).where(VERSIONS.c.parameter_id == parameter.id))
    tx.execute(delete(PARAMETERS).where(PARAMETERS.c.id == parameter.id))


def page(
    tx: Transaction, account: str, region: str, *, prefix: str = "", after: str = "", limit: int
) -> list[tuple[Parameter, Version]]:
    """Parameters with their newest versions by name, from behind `after`."""
    columns = PARAMETERS.c
    statement = (
        select(PARAMETERS, VERSIONS.c.document.label("newest"))
        .join(VERSIONS, (VERSIONS.c.parameter_id == columns.id) & (VERSIONS.c.version == columns.version))
        .where(columns.account == account, columns.region == region, columns.name > after)
        .order_by(columns.name)
        .limit(limit)
    )
    if prefix:
        statement = statement.where(func.substr(columns.name, 1, len(prefix)) == prefix)
    rows = tx.execute(statement).mappings()
    return [(_parameter(row), Version(row["id"], row["version"], row["newest"])) for row in rows]


def _parameter(row: RowMapping) -> Parameter:
    return Parameter(**{name: row[name] for name in Parameter.__slots__})


def _version(row: RowMapping) -> Version:
    return Version(**{name: row[name] for name in Version.__slots__})
