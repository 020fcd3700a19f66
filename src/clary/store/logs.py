"""Log groups, streams and events, as CloudWatch Logs has them.

Events of a stream are ordered by time stamp and then by arrival (`id`). The engine writes with `append`, which makes
what is missing and keeps the engine's read offset in the same transaction; PutLogEvents uses `add_events`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import LargeBinary, RowMapping, and_, case, cast, delete, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from clary.base.clock import to_epoch_ms
from clary.store.database import Transaction
from clary.store.log_records import EVENTS, GROUPS, OVERHEAD, STREAMS, Event, Group, Position, Span, Stream


def create_group(tx: Transaction, account: str, region: str, name: str, now: datetime) -> Group:
    """Insert a group; the caller has looked whether it exists."""
    values = {"account": account, "region": region, "name": name, "created_ms": to_epoch_ms(now)}
    result = tx.execute(insert(GROUPS).values(values))
    row_id: int = result.inserted_primary_key[0]  # type: ignore[index]  # an insert always has one
    return Group(row_id, account, region, name, to_epoch_ms(now), None)


def find_group(tx: Transaction, account: str, region: str, name: str) -> Group | None:
    table = GROUPS.c
    statement = select(GROUPS).where(table.account == account, table.region == region, table.name == name)
    row = tx.execute(statement).mappings().first()
    return None if row is None else _group(row)


def page_groups(
    tx: Transaction, account: str, region: str, *, prefix: str = "", contains: str = "", after: str = "", limit: int
) -> list[Group]:
    """Groups by name, from behind `after`."""
    table = GROUPS.c
    statement = select(GROUPS).where(table.account == account, table.region == region, table.name > after)
    if prefix:
        statement = statement.where(*_begins(table.name, prefix))
    if contains:
        statement = statement.where(func.instr(table.name, contains) > 0)
    return [_group(row) for row in tx.execute(statement.order_by(table.name).limit(limit)).mappings()]


def set_retention(tx: Transaction, group: Group, days: int | None) -> None:
    tx.execute(update(GROUPS).where(GROUPS.c.id == group.id).values(retention_days=days))


def delete_group(tx: Transaction, group: Group) -> None:
    """Remove a group with everything in it."""
    tx.execute(delete(EVENTS).where(EVENTS.c.group_id == group.id))
    tx.execute(delete(STREAMS).where(STREAMS.c.group_id == group.id))
    tx.execute(delete(GROUPS).where(GROUPS.c.id == group.id))


def create_stream(tx: Transaction, group: Group, name: str, now: datetime) -> Stream:
    """Insert a stream; the caller has looked whether it exists."""
    values = {"group_id": group.id, "name": name, "created_ms": to_epoch_ms(now), "cursor": 0, "stored_bytes": 0}
    result = tx.execute(insert(STREAMS).values(values))
    row_id: int = result.inserted_primary_key[0]  # type: ignore[index]  # an insert always has one
    return Stream(row_id, group.id, name, to_epoch_ms(now), None, None, None, 0, 0)


def find_stream(tx: Transaction, group: Group, name: str) -> Stream | None:
    statement = select(STREAMS).where(STREAMS.c.group_id == group.id, STREAMS.c.name == name)
    row = tx.execute(statement).mappings().first()
    return None if row is None else _stream(row)


def find_streams(tx: Transaction, group: Group, names: Sequence[str] = (), prefix: str = "") -> list[Stream]:
    """Streams by name: those named, or all that begin with a prefix."""
    statement = select(STREAMS).where(STREAMS.c.group_id == group.id)
    if names:
        statement = statement.where(STREAMS.c.name.in_(list(names)))
    if prefix:
        statement = statement.where(*_begins(STREAMS.c.name, prefix))
    return [_stream(row) for row in tx.execute(statement.order_by(STREAMS.c.name)).mappings()]


def page_streams(
    tx: Transaction,
    group: Group,
    *,
    prefix: str = "",
    by_time: bool = False,
    descending: bool = False,
    after: list[Any] | None = None,
    limit: int,
) -> list[Stream]:
    """Streams by name or by the time of their last event (creation while they have none)."""
    age = func.coalesce(STREAMS.c.last_ms, STREAMS.c.created_ms)
    columns: list[ColumnElement[Any]] = [age, STREAMS.c.name] if by_time else [STREAMS.c.name]
    statement = select(STREAMS).where(STREAMS.c.group_id == group.id)
    if prefix:
        statement = statement.where(*_begins(STREAMS.c.name, prefix))
    if after is not None:
        statement = statement.where(_beyond(columns, after, descending))
    order = [column.desc() if descending else column.asc() for column in columns]
    return [_stream(row) for row in tx.execute(statement.order_by(*order).limit(limit)).mappings()]


def stream_position(stream: Stream, by_time: bool) -> list[Any]:
    """What `page_streams` takes as `after`."""
    age = stream.created_ms if stream.last_ms is None else stream.last_ms
    return [age, stream.name] if by_time else [stream.name]


def delete_stream(tx: Transaction, stream: Stream) -> None:
    tx.execute(delete(EVENTS).where(EVENTS.c.stream_id == stream.id))
    tx.execute(delete(STREAMS).where(STREAMS.c.id == stream.id))


def add_events(tx: Transaction, stream: Stream, events: Sequence[tuple[int, str]], now: datetime) -> None:
    """Add (time stamp, message) pairs to a stream."""
    if not events:
        return
    ingested = to_epoch_ms(now)
    common = {"group_id": stream.group_id, "stream_id": stream.id, "ingested_ms": ingested}
    tx.execute(insert(EVENTS), [{**common, "timestamp": at, "message": message} for at, message in events])
    first, last = min(at for at, _ in events), max(at for at, _ in events)
    table = STREAMS.c
    tx.execute(
        update(STREAMS)
        .where(table.id == stream.id)
        .values(
            first_ms=case((table.first_ms < first, table.first_ms), else_=first),
            last_ms=case((table.last_ms > last, table.last_ms), else_=last),
            ingested_ms=ingested,
            stored_bytes=table.stored_bytes + sum(len(message.encode()) + OVERHEAD for _, message in events),
        )
    )


def append(
    tx: Transaction,
    account: str,
    region: str,
    group: str,
    stream: str,
    events: Sequence[tuple[int, str]],
    *,
    now: datetime,
    cursor: int | None = None,
) -> None:
    """Add what a job or model server printed, making group and stream where they are missing.

    `cursor` is the writer's own offset, kept with the events, so that a crash leaves neither a gap nor a repetition.
    """
    target_group = find_group(tx, account, region, group) or create_group(tx, account, region, group, now)
    target = find_stream(tx, target_group, stream) or create_stream(tx, target_group, stream, now)
    add_events(tx, target, events, now)
    if cursor is not None:
        tx.execute(update(STREAMS).where(STREAMS.c.id == target.id).values(cursor=cursor))


def read_cursor(tx: Transaction, account: str, region: str, group: str, stream: str) -> int:
    """The offset of the last `append`; 0 when there was none."""
    found_group = find_group(tx, account, region, group)
    found = find_stream(tx, found_group, stream) if found_group else None
    return found.cursor if found else 0


def escape_controls(message: str) -> str:
    """Tabs, carriage returns and other control characters as `#ooo`; line feeds stay."""
    return message.translate(_CONTROLS)


def page_stream(tx: Transaction, stream: Stream, span: Span, *, after: Position | None, limit: int) -> list[Event]:
    """Events of one stream, oldest first, from behind a position."""
    return _events(tx, EVENTS.c.stream_id == stream.id, span, after, limit)


def page_stream_back(
    tx: Transaction, stream: Stream, span: Span, *, before: Position | None, limit: int
) -> list[Event]:
    """The last events before a position, oldest first."""
    key = (EVENTS.c.timestamp, EVENTS.c.id)
    statement = select(EVENTS).where(EVENTS.c.stream_id == stream.id, *_within(span))
    if before is not None:
        statement = statement.where(_beyond(key, list(before), descending=True))
    rows = tx.execute(statement.order_by(*(column.desc() for column in key)).limit(limit)).mappings().all()
    return [_event(row) for row in reversed(rows)]


def page_group(
    tx: Transaction,
    group: Group,
    span: Span,
    *,
    streams: Sequence[Stream] | None = None,
    after: Position | None,
    limit: int,
) -> list[Event]:
    """Events of (some) streams of a group, interleaved by time, from behind a position."""
    condition: ColumnElement[bool] = EVENTS.c.group_id == group.id
    if streams is not None:
        condition = and_(condition, EVENTS.c.stream_id.in_([stream.id for stream in streams]))
    return _events(tx, condition, span, after, limit)


def stored_bytes(tx: Transaction, group: Group) -> int:
    """Size of all messages, each with some overhead, as CloudWatch counts."""
    size = func.coalesce(func.sum(STREAMS.c.stored_bytes), 0)
    return int(tx.execute(select(size).where(STREAMS.c.group_id == group.id)).scalar_one())


def expire(tx: Transaction, now: datetime, *, limit: int = 10_000) -> int:
    """Delete up to `limit` events that are older than their group's retention. Returns how many."""
    kept = tx.execute(select(GROUPS).where(GROUPS.c.retention_days.is_not(None))).mappings().all()
    removed = 0
    for group in [_group(row) for row in kept]:
        if removed >= limit:
            break
        before = to_epoch_ms(now - timedelta(days=group.retention_days or 0))
        removed += _expire_group(tx, group, before, limit - removed)
    return removed


def _expire_group(tx: Transaction, group: Group, before: int, limit: int) -> int:
    size = func.length(cast(EVENTS.c.message, LargeBinary)).label("size")
    old = select(EVENTS.c.id, EVENTS.c.stream_id, size).where(
        EVENTS.c.group_id == group.id, EVENTS.c.timestamp < before
    )
    found = tx.execute(old.order_by(EVENTS.c.timestamp).limit(limit)).all()
    sizes: Counter[int] = Counter()
    for row in found:
        sizes[row.stream_id] += row.size + OVERHEAD
    for start in range(0, len(found), _BATCH):
        tx.execute(delete(EVENTS).where(EVENTS.c.id.in_([row.id for row in found[start : start + _BATCH]])))
    for stream_id, freed in sizes.items():
        table = STREAMS.c
        tx.execute(update(STREAMS).where(table.id == stream_id).values(stored_bytes=table.stored_bytes - freed))
    return len(found)


_BATCH = 1000
_CONTROLS = {code: f"#{code:03o}" for code in (*range(32), 127) if chr(code) != "\n"}


def _events(
    tx: Transaction, condition: ColumnElement[bool], span: Span, after: Position | None, limit: int
) -> list[Event]:
    key = (EVENTS.c.timestamp, EVENTS.c.id)
    statement = select(EVENTS).where(condition, *_within(span))
    if after is not None:
        statement = statement.where(_beyond(key, list(after), descending=False))
    return [_event(row) for row in tx.execute(statement.order_by(*key).limit(limit)).mappings()]


def _within(span: Span) -> list[ColumnElement[bool]]:
    bounds = []
    if span.start_ms is not None:
        bounds.append(EVENTS.c.timestamp >= span.start_ms)
    if span.end_ms is not None:
        bounds.append(EVENTS.c.timestamp < span.end_ms)
    return bounds


def _beyond(columns: Sequence[ColumnElement[Any]], values: Sequence[Any], descending: bool) -> ColumnElement[bool]:
    """Behind a position in the order of one or two columns; the first bound alone lets the index seek."""
    head, value = columns[0], values[0]
    strict: ColumnElement[bool] = head < value if descending else head > value
    if len(columns) == 1:
        return strict
    rest = _beyond(columns[1:], values[1:], descending)
    bound = head <= value if descending else head >= value
    return and_(bound, or_(strict, rest))


def _begins(column: ColumnElement[str], prefix: str) -> list[ColumnElement[bool]]:
    """Case-sensitive, unlike LIKE in SQLite."""
    return [column >= prefix, func.substr(column, 1, len(prefix)) == prefix]


def _group(row: RowMapping) -> Group:
    return Group(**{name: row[name] for name in Group.__slots__})


def _stream(row: RowMapping) -> Stream:
    return Stream(**{name: row[name] for name in Stream.__slots__})


def _event(row: RowMapping) -> Event:
    return Event(**{name: row[name] for name in Event.__slots__})
