"""PutLogEvents, GetLogEvents, FilterLogEvents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from clary.base.clock import to_epoch_ms
from clary.services.context import Context
from clary.services.logs import names
from clary.services.logs.comparisons import Filter
from clary.services.logs.filters import parse_filter
from clary.store import logs
from clary.store.database import Transaction
from clary.store.log_records import OVERHEAD, Event, Group, Position, Span, Stream

_HOUR = 3_600_000
_DAY = 24 * _HOUR
_LARGEST_PUT = 1_048_576
_LARGEST_PAGE = 1_048_576
_MOST = 10_000
_SCAN_BATCH = 2_000
_SCAN_MOST = 50_000
_BEGINNING: Position = (-1, 0)


def put_log_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Events that are too old or too new are left out and named by index, as CloudWatch does."""
    events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
    if any(second[0] < first[0] for first, second in pairwise(events)):
        raise names.invalid_parameter("Log events in a single PutLogEvents request must be in chronological order.")
    if events[-1][0] - events[0][0] > _DAY:
        raise names.invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    if sum(len(message.encode()) + OVERHEAD for _, message in events) > _LARGEST_PUT:
        raise names.invalid_parameter(f"Upload too large: a batch may have {_LARGEST_PUT} bytes.")
    with context.database.write() as tx:
        group, stream = names.get_stream(context, tx, request)
        first, end, rejected = _acceptable(context, group, events)
        logs.add_events(tx, stream, events[first:end], context.now)
    answer: dict[str, Any] = {"nextSequenceToken": str(stream.id)}
    if rejected:
        answer["rejectedLogEventsInfo"] = rejected
    return answer


def get_log_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """One page of a stream. Both tokens always come; at an end of the stream it is the same token again."""
    span = Span(request.get("startTime"), request.get("endTime"))
    limit, token = request.get("limit", _MOST), request.get("nextToken")
    with context.database.read() as tx:
        _, stream = names.get_stream(context, tx, request)
        direction, position = _read_token(context, stream, token)
        forward = direction == "f" if direction else bool(request.get("startFromHead", False))
        if forward:
            page = _fitting(logs.page_stream(tx, stream, span, after=position, limit=limit))
        else:
            page = _fitting(logs.page_stream_back(tx, stream, span, before=position, limit=limit), keep_last=True)
    here = position or _BEGINNING
    return {
        "events": [_shown(event) for event in page],
        "nextForwardToken": _token(context, stream, "f", page[-1].position if page else here),
        "nextBackwardToken": _token(context, stream, "b", page[0].position if page else here),
    }


def filter_log_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Events of many streams in the order of time. A page may be short or empty and still have a token."""
    if "logStreamNames" in request and "logStreamNamePrefix" in request:
        raise names.invalid_parameter("logStreamNames and logStreamNamePrefix are mutually exclusive.")
    if request.get("startFromHead") is False and "nextToken" not in request:
        raise names.invalid_parameter("FilterLogEvents reads from the head only.")
    wanted = parse_filter(request.get("filterPattern", ""))
    with context.database.read() as tx:
        group = names.get_group(context, tx, request)
        scope = f"{group.id}/{request.get('filterPattern', '')}"
        token = request.get("nextToken")
        start = _pair(context.pager.decode("FilterLogEvents", scope, token)) if token else None
        streams = _streams(tx, group, request)
        found, position = _scan(tx, group, streams, wanted, request, start)
        known = {stream.id: stream.name for stream in streams or logs.find_streams(tx, group)}
    page: dict[str, Any] = {
        "events": [
            {**_shown(event), "logStreamName": known[event.stream_id], "eventId": _event_id(event)} for event in found
        ],
        "searchedLogStreams": [],
    }
    if position is not None:
        page["nextToken"] = context.pager.encode("FilterLogEvents", scope, list(position))
    return page


def _acceptable(context: Context, group: Group, events: Sequence[tuple[int, str]]) -> tuple[int, int, dict[str, int]]:
    """Which part of an ordered batch to keep, and what to say of the rest."""
    now = to_epoch_ms(context.now)
    oldest = now - 14 * _DAY
    expired = now - group.retention_days * _DAY if group.retention_days else oldest
    too_old = sum(1 for at, _ in events if at < oldest)
    too_expired = sum(1 for at, _ in events if at < expired)
    end = sum(1 for at, _ in events if at <= now + 2 * _HOUR)
    rejected = {}
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if too_expired > too_old:
        rejected["expiredLogEventEndIndex"] = too_expired
    if end < len(events):
        rejected["tooNewLogEventStartIndex"] = end
    return max(too_old, too_expired), end, rejected


def _streams(tx: Transaction, group: Group, request: dict[str, Any]) -> list[Stream] | None:
    """The streams to search; None for all of the group."""
    if "logStreamNames" in request:
        found = logs.find_streams(tx, group, names=request["logStreamNames"])
        if len(found) < len(set(request["logStreamNames"])):
            raise names.not_found("stream")
        return found
    if "logStreamNamePrefix" in request:
        return logs.find_streams(tx, group, prefix=request["logStreamNamePrefix"])
    return None


def _scan(
    tx: Transaction,
    group: Group,
    streams: Sequence[Stream] | None,
    wanted: Filter,
    request: dict[str, Any],
    position: Position | None,
) -> tuple[list[Event], Position | None]:
    """Matching events and, when there may be more, where to go on."""
    limit, end = request.get("limit", _MOST), request.get("endTime")
    span = Span(request.get("startTime"), None if end is None else end + 1)  # here the end belongs to it
    found: list[Event] = []
    size = scanned = 0
    while scanned < _SCAN_MOST:
        batch = logs.page_group(tx, group, span, streams=streams, after=position, limit=_SCAN_BATCH + 1)
        for event in batch[:_SCAN_BATCH]:
            if wanted(event.message):
                size += len(event.message.encode()) + OVERHEAD
                if found and (len(found) == limit or size > _LARGEST_PAGE):
                    return found, position
                found.append(event)
            position = event.position
        scanned += len(batch)
        if len(batch) <= _SCAN_BATCH:
            return found, None
    return found, position


def _fitting(events: list[Event], *, keep_last: bool = False) -> list[Event]:
    """As many events as fit into one answer, at least one."""
    total = 0
    for count, event in enumerate(reversed(events) if keep_last else events):
        total += len(event.message.encode()) + OVERHEAD
        if count and total > _LARGEST_PAGE:
            return events[-count:] if keep_last else events[:count]
    return events


def _token(context: Context, stream: Stream, direction: str, position: Position) -> str:
    return f"{direction}/{context.pager.encode(f'GetLogEvents/{direction}', str(stream.id), list(position))}"


def _read_token(context: Context, stream: Stream, token: str | None) -> tuple[str, Position | None]:
    if token is None:
        return "", None
    direction, _, signed = token.partition("/")
    if direction not in ("f", "b"):
        raise names.invalid_parameter("The specified nextToken is invalid.")
    return direction, _pair(context.pager.decode(f"GetLogEvents/{direction}", str(stream.id), signed))


def _pair(position: list[Any]) -> Position:
    timestamp, event_id = position
    return timestamp, event_id


def _shown(event: Event) -> dict[str, Any]:
    return {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested_ms}


def _event_id(event: Event) -> str:
    """Digits only and sortable, as clients expect; the same event has the same id for ever."""
    return f"{event.timestamp:020d}{event.id:036d}"
