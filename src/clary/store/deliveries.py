"""Deliveries: messages on their way to one target, kept until the target has taken them or they are given up.

Written by the event dispatcher (a rule or a schedule matched), by sns (one per subscription), by lambda
(asynchronous invocations) and by s3 (classic notifications). Performed by engine/events/deliverer.

`document` of a row:
    target       ARN of a queue, topic, function, pipeline, log group or event bus; or a URL (https, http, mailto)
    role         ARN of the role to act as; or
    service      the service principal to act as (`events.amazonaws.com`): then the target's own policy must allow it.
                 With both, the role is for the target and the service for the dead-letter queue; with neither it is
                 done in the name of the account, because the permission was checked when it was asked for
    source       ARN of the rule, topic or bucket that this comes from (condition key aws:SourceArn)
    body         the message, text
    options      what the kind of target needs besides (the modules of engine/events/targets read them):
                 queue     SqsParameters {MessageGroupId, MessageDeduplicationId} for a FIFO queue,
                           MessageAttributes {name: {DataType, StringValue or BinaryValue in base64}}
                 topic     Subject, MessageAttributes, MessageStructure, SqsParameters {MessageGroupId}
                 function  LambdaParameters {ClientContext}; the body is its event
                 pipeline  SageMakerPipelineParameters {PipelineParameterList} with final values
                 bus       EventBridgeParameters {Source, DetailType} when the body is only the detail
                 http(s)   Headers {name: value};  mailto  Subject;  API destination  HttpParameters
    attempts     most attempts after the first; seconds: greatest age
    dead_letter  ARN of the queue that gets what is given up, or None
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Integer, Table, Text, delete, func, insert, select, update

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Document, Moment, RowId

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("due", Moment, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("document", Document, nullable=False),
    sqlite_autoincrement=True,
)

TOUCHED = -2
"""The id under which listeners of the database hear of new deliveries (kind `delivery`)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one target. `tries` counts failed attempts so far."""

    id: int
    account: str
    region: str
    since: datetime
    due: datetime
    tries: int
    document: dict[str, Any]


def add(
    tx: Transaction,
    *,
    account: str,
    region: str,
    target: str,
    body: str,
    now: datetime,
    role: str | None = None,
    service: str | None = None,
    source: str = "",
    options: dict[str, Any] | None = None,
    attempts: int = 185,
    seconds: int = 86_400,
    dead_letter: str | None = None,
    due: datetime | None = None,
) -> int:
    """Queue a message; returns the id of the delivery."""
    document = {
        "target": target,
        "role": role,
        "service": service,
        "source": source,
        "body": body,
        "options": options or {},
        "attempts": attempts,
        "seconds": seconds,
        "dead_letter": dead_letter,
    }
    values = {"account": account, "region": region, "since": now, "due": due or now, "tries": 0, "document": document}
    result = tx.execute(insert(DELIVERIES).values(values))
    tx.touch(TOUCHED, "delivery")
    row_id: int = result.inserted_primary_key[0]  # type: ignore[index]  # an insert always has one
    return row_id


def due(tx: Transaction, now: datetime, limit: int, *, beyond: int = 0) -> list[Delivery]:
    """Deliveries whose time has come, oldest first; only those with an id above `beyond`."""
    columns = DELIVERIES.c
    chosen = select(DELIVERIES).where(columns.due <= now, columns.id > beyond).order_by(columns.id).limit(limit)
    return [Delivery(**row) for row in tx.execute(chosen).mappings()]


def is_unchanged(tx: Transaction, delivery: Delivery) -> bool:
    """Whether it is still waiting, and has not been tried since it was read."""
    tries = tx.execute(select(DELIVERIES.c.tries).where(DELIVERIES.c.id == delivery.id)).scalar()
    return tries == delivery.tries


def next_due(tx: Transaction) -> datetime | None:
    """When the next delivery is due, None when there is none."""
    found: datetime | None = tx.execute(select(func.min(DELIVERIES.c.due))).scalar()
    return found


def postpone(tx: Transaction, delivery: Delivery, due: datetime) -> None:
    """An attempt has failed: try again at `due`."""
    tx.execute(update(DELIVERIES).where(DELIVERIES.c.id == delivery.id).values(due=due, tries=DELIVERIES.c.tries + 1))
    tx.touch(TOUCHED, "delivery")


def remove(tx: Transaction, delivery: Delivery) -> None:
    """Taken by the target, or given up."""
    tx.execute(delete(DELIVERIES).where(DELIVERIES.c.id == delivery.id))
