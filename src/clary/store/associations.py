"""What belongs to what among experiments: a trial to its experiment, a trial component to its trials.

Ids of rows of the resources table; who may be joined is decided by services/sagemaker/experiments.
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, UniqueConstraint, delete, insert, or_, select

from clary.store.database import Transaction
from clary.store.metadata import METADATA

ASSOCIATIONS = Table(
    "experiment_associations",
    METADATA,
    Column("above", Integer, nullable=False),
    Column("below", Integer, nullable=False, index=True),
    UniqueConstraint("above", "below"),
)


def join(tx: Transaction, above: int, below: int) -> None:
    """Joining what is joined already changes nothing."""
    if below not in below_of(tx, [above]):
        tx.execute(insert(ASSOCIATIONS).values(above=above, below=below))


def part(tx: Transaction, above: int, below: int) -> bool:
    """Whether there was something to take apart."""
    table = ASSOCIATIONS.c
    return tx.execute(delete(ASSOCIATIONS).where(table.above == above, table.below == below)).rowcount > 0


def forget(tx: Transaction, resource_id: int) -> None:
    """The resource is gone, and what it was joined to is so no more."""
    table = ASSOCIATIONS.c
    tx.execute(delete(ASSOCIATIONS).where(or_(table.above == resource_id, table.below == resource_id)))


def below_of(tx: Transaction, above: list[int]) -> set[int]:
    rows = tx.execute(select(ASSOCIATIONS.c.below).where(ASSOCIATIONS.c.above.in_(above)))
    return {row[0] for row in rows}


def above_of(tx: Transaction, below: int) -> set[int]:
    rows = tx.execute(select(ASSOCIATIONS.c.above).where(ASSOCIATIONS.c.below == below))
    return {row[0] for row in rows}
