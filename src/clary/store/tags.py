"""Tags of any resource, by ARN. Keys are case-sensitive; ARNs are compared in lower case."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Column, Table, Text, delete, func, insert, select

from clary.base.arns import parse_arn
from clary.store.database import Transaction
from clary.store.metadata import METADATA

TAGS = Table(
    "tags",
    METADATA,
    Column("arn", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("value", Text, nullable=False),
)

TOUCHED = -4
"""The id under which listeners of the database hear that a caller has changed tags (kind `tags`)."""

_BATCH = 500


def put(tx: Transaction, arn: str, tags: Mapping[str, str]) -> None:
    """Add tags, replacing values of keys that exist."""
    parsed = parse_arn(arn)
    drop(tx, arn, tags.keys())
    rows = [
        {"arn": arn.lower(), "key": k, "account": parsed.account, "region": parsed.region, "value": v}
        for k, v in tags.items()
    ]
    if rows:
        tx.execute(insert(TAGS), rows)


def read(tx: Transaction, arn: str) -> dict[str, str]:
    """All tags in the order of their keys."""
    rows = tx.execute(select(TAGS.c.key, TAGS.c.value).where(TAGS.c.arn == arn.lower()).order_by(TAGS.c.key))
    return {row.key: row.value for row in rows}


def read_many(tx: Transaction, arns: Collection[str]) -> dict[str, dict[str, str]]:
    """ARN -> its tags, of those that have some."""
    found: dict[str, dict[str, str]] = {}
    names = [arn.lower() for arn in arns]
    for start in range(0, len(names), _BATCH):
        rows = tx.execute(select(TAGS).where(TAGS.c.arn.in_(names[start : start + _BATCH])).order_by(TAGS.c.key))
        for row in rows:
            found.setdefault(row.arn, {})[row.key] = row.value
    return found


def count(tx: Transaction, arn: str) -> int:
    return int(tx.execute(select(func.count()).where(TAGS.c.arn == arn.lower())).scalar_one())


def drop(tx: Transaction, arn: str, keys: Iterable[str]) -> None:
    tx.execute(delete(TAGS).where(TAGS.c.arn == arn.lower(), TAGS.c.key.in_(list(keys))))


def drop_all(tx: Transaction, arn: str) -> None:
    tx.execute(delete(TAGS).where(TAGS.c.arn == arn.lower()))
