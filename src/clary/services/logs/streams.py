"""CreateLogStream, DescribeLogStreams, DeleteLogStream."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.logs import names
from clary.store import logs
from clary.store.log_records import Group, Stream


def create_log_stream(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["logStreamName"]
    with context.database.write() as tx:
        group = names.get_group(context, tx, request)
        if logs.find_stream(tx, group, name) is not None:
            raise names.already_exists("stream")
        logs.create_stream(tx, group, name, context.now)
    return {}


def describe_log_streams(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """A token only when there are more: SDKs repeat the same request for as long as they see one."""
    by_time = request.get("orderBy", "LogStreamName") == "LastEventTime"
    prefix, descending = request.get("logStreamNamePrefix", ""), bool(request.get("descending", False))
    if by_time and prefix:
        raise names.invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
    size, token = request.get("limit", 50), request.get("nextToken")
    with context.database.read() as tx:
        group = names.get_group(context, tx, request)
        scope = f"{group.id}/{by_time}/{prefix}/{descending}"
        after = context.pager.decode("DescribeLogStreams", scope, token) if token else None
        found = logs.page_streams(
            tx, group, prefix=prefix, by_time=by_time, descending=descending, after=after, limit=size + 1
        )
    page: dict[str, Any] = {"logStreams": [_described(group, stream) for stream in found[:size]]}
    if len(found) > size:
        position = logs.stream_position(found[size - 1], by_time)
        page["nextToken"] = context.pager.encode("DescribeLogStreams", scope, position)
    return page


def delete_log_stream(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        _, stream = names.get_stream(context, tx, request)
        logs.delete_stream(tx, stream)
    return {}


def _described(group: Group, stream: Stream) -> dict[str, Any]:
    described: dict[str, Any] = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "arn": names.stream_arn_of(group, stream),
        "uploadSequenceToken": str(stream.id),
        "storedBytes": 0,  # as CloudWatch: it has not counted by stream since 2019
    }
    if stream.last_ms is not None:
        described["firstEventTimestamp"] = stream.first_ms
        described["lastEventTimestamp"] = stream.last_ms
        described["lastIngestionTime"] = stream.ingested_ms
    return described
