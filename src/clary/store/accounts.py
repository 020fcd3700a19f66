"""Accounts of this installation. The first one is the installation's own and has no row; every other one is a
resource of the installation's account, written by services/organizations: its name is the account number, `Name` of
its document what people call it, its status ACTIVE or SUSPENDED.
"""

from __future__ import annotations

from clary.store import resources
from clary.store.database import Transaction

KIND = "iam-account"
ACTIVE, SUSPENDED = "ACTIVE", "SUSPENDED"


def living(tx: Transaction, own: str) -> list[str]:
    """Numbers of all accounts in use, the installation's own first."""
    rows = resources.all_of_kind(tx, KIND)
    return [own, *(row.name for row in rows if row.status == ACTIVE)]


def closed(tx: Transaction) -> frozenset[str]:
    """Numbers of accounts that nobody may use any more."""
    return frozenset(row.name for row in resources.all_of_kind(tx, KIND) if row.status == SUSPENDED)
