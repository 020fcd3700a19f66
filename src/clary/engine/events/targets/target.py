"""What all kinds of targets work with: whom to act as, how to call, and how to say that something failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.base.clock import Clock
from clary.base.errors import ClaryError
from clary.base.settings import Settings
from clary.engine.own_calls import Actor, OwnCalls
from clary.store.database import Database
from clary.store.deliveries import Delivery


class Undeliverable(ClaryError):
    """The target did not take it. `temporary`: trying again may help; `most`: but only so many times; `counted`:
    whether this was one of the attempts, or the target was only busy. `answer`: what it said, when it said something.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        temporary: bool = False,
        most: int | None = None,
        counted: bool = True,
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.answer = answer
        self.code = code
        self.temporary = temporary
        self.most = most
        self.counted = counted


@dataclass(frozen=True, slots=True)
class Tools:
    """Shared by all targets; threads use them at the same time."""

    database: Database
    calls: OwnCalls
    settings: Settings
    clock: Clock


def actor_of(delivery: Delivery) -> Actor:
    """The role of the delivery if it has one, else its service, else the account itself."""
    document = delivery.document
    return Actor(
        delivery.account,
        delivery.region,
        role_arn=document["role"],
        service=None if document["role"] else document["service"],
        session=f"clary-{delivery.id}",
        source_arn=document["source"],
    )


def derived_token(delivery: Delivery) -> str:
    """The same for every attempt, so that a repeated delivery can be told from a new one."""
    return f"clary-delivery-{delivery.account}-{int(delivery.since.timestamp() * 1_000_000)}-{delivery.id}"
