"""Tags of buses and rules."""

from __future__ import annotations

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.events import names
from clary.services.tagging import MOST, Tagging
from clary.store import resources
from clary.store.database import Transaction


def _existing(context: Context, tx: Transaction, arn: str) -> str:
    if arn == names.arn(context, f"event-bus/{names.DEFAULT}"):
        return arn
    found = resources.find_by_arn(tx, arn)
    if found is None or found.kind not in {names.BUS, names.RULE} or found.account != context.account:
        raise names.not_found(f"The resource {arn} does not exist.")
    return found.arn


def _too_many() -> ApiError:
    return names.too_many(f"The maximum number of tags per resource is {MOST}.")


TAGGING = Tagging("ResourceARN", _existing, _too_many)
