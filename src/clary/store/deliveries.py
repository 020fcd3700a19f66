"""Deliveries: messages on their way to one target, kept until the target has taken them or they are given up.

Written by the event dispatcher (a rule or a schedule matched), by sns (one per subscription), by lambda
(asynchronous invocations) and by s3 (classic notifications). Performed by engine/events/deliverer.

What a target must get in order (a message group of a FIFO queue or topic) stands in one `line`: only the first of a
line is ever due, and the next one when that is removed. So nothing is overtaken, however often it is tried again.

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
                 function  LambdaParameters {ClientContext, RequestId, Role, OnSuccess, OnFailure (ARNs that get a
                           record of what came of it)}; the body is its event
                 pipeline  SageMakerPipelineParameters {PipelineParameterList} with final values
                 bus       EventBridgeParameters {Source, DetailType} when the body is only the detail;
                           Passage {EventId, Hops} of an event that a rule passes on
                 any       Schedule {EXECUTION_ID, SCHEDULED_TIME} of what a schedule sends, for its dead letters
                 http(s)   Headers {name: value};  mailto  Subject;  API destination  HttpParameters
    attempts     most attempts after the first; seconds: greatest age
    dead_letter  ARN of the queue that gets what is given up, or None
    letter       true for a dead letter itself: its target is that queue, and it is kept for all of its age
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Index, Integer, Table, Text, delete, func, insert, select, update

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
    Column("line", Text, nullable=False),
    Column("document", Document, nullable=False),
    Index("deliveries_in_line", "line", "id"),
    sqlite_autoincrement=True,
)

TOUCHED = -2
"""The id under which listeners of the database hear of new deliveries (kind `delivery`)."""

_NOT_YET = datetime(9000, 1, 1, tzinfo=UTC)  # due when those before it in its line are gone


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one target. `tries` counts failed attempts so far; `line` is empty where order is free."""

    id: int
    account: str
    region: str
    since: datetime
    due: datetime
    tries: int
    line: str
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
    letter: bool = False,
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
        "letter": letter,
    }
    line = _line(target, options or {})
    values = {
        "account": account,
        "region": region,
        "since": now,
        "due": _NOT_YET if line and _first_of(tx, line) is not None else now,
        "tries": 0,
        "line": line,
        "document": document,
    }
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
    """Whether it is still waiting, and has not been tried or postponed since it was read."""
    found = tx.execute(select(DELIVERIES.c.tries, DELIVERIES.c.due).where(DELIVERIES.c.id == delivery.id)).first()
    return found is not None and (found.tries, found.due) == (delivery.tries, delivery.due)


def next_due(tx: Transaction) -> datetime | None:
    """When the next delivery is due, None when there is none."""
    found: datetime | None = tx.execute(select(func.min(DELIVERIES.c.due))).scalar()
    return found


def postpone(tx: Transaction, delivery: Delivery, due: datetime, *, counted: bool = True) -> None:
    """An attempt has failed: try again at `due`. It is not `counted` when the target was only busy."""
    tries = DELIVERIES.c.tries + counted
    tx.execute(update(DELIVERIES).where(DELIVERIES.c.id == delivery.id).values(due=due, tries=tries))
    tx.touch(TOUCHED, "delivery")


def remove(tx: Transaction, delivery: Delivery) -> None:
    """Taken by the target, or given up; the next of its line is due."""
    tx.execute(delete(DELIVERIES).where(DELIVERIES.c.id == delivery.id))
    following = _first_of(tx, delivery.line) if delivery.line else None
    if following is not None:
        waiting = (DELIVERIES.c.id == following, DELIVERIES.c.due == _NOT_YET)
        tx.execute(update(DELIVERIES).where(*waiting).values(due=DELIVERIES.c.since))
        tx.touch(TOUCHED, "delivery")


def _line(target: str, options: dict[str, Any]) -> str:
    """What must arrive in the order of its making: a message group of one queue or topic."""
    group = (options.get("SqsParameters") or {}).get("MessageGroupId")
    return f"{target}\n{group}" if group and target.endswith(".fifo") else ""


def _first_of(tx: Transaction, line: str) -> int | None:
    found: int | None = tx.execute(select(func.min(DELIVERIES.c.id)).where(DELIVERIES.c.line == line)).scalar()
    return found
