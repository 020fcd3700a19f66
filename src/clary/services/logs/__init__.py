"""CloudWatch Logs: groups, streams and events, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.logs import events, groups, streams
from clary.services.logs.names import any_group_arn, group_arn, stream_arn
from clary.services.operation import Operation

OPERATIONS: Mapping[str, Operation] = {
    "CreateLogGroup": Operation(groups.create_log_group, group_arn),
    "CreateLogStream": Operation(streams.create_log_stream, group_arn),
    "DeleteLogGroup": Operation(groups.delete_log_group, group_arn),
    "DeleteLogStream": Operation(streams.delete_log_stream, stream_arn),
    "DeleteRetentionPolicy": Operation(groups.delete_retention_policy, group_arn),
    "DescribeLogGroups": Operation(groups.describe_log_groups, any_group_arn),
    "DescribeLogStreams": Operation(streams.describe_log_streams, group_arn),
    "FilterLogEvents": Operation(events.filter_log_events, group_arn),
    "GetLogEvents": Operation(events.get_log_events, stream_arn),
    "PutLogEvents": Operation(events.put_log_events, stream_arn),
    "PutRetentionPolicy": Operation(groups.put_retention_policy, group_arn),
}
