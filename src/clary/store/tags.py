"""Tags of any resource, by ARN. Keys are case-sensitive; ARNs are compared in lower case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


def count(tx: Transaction, arn: str) -> int:
    return int(tx.execute(select(func.count()).where(TAGS.c.arn == arn.lower())).scalar_one())


def drop(tx: Transaction, arn: str, keys: Iterable[str]) -> None:
    tx.execute(delete(TAGS).where(TAGS.c.arn == arn.lower(), TAGS.c.key.in_(list(keys))))


def drop_all(tx: Transaction, arn: str) -> None:
    tx.execute(delete(TAGS).where(TAGS.c.arn == arn.lower()))
