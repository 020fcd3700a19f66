"""CloudWatch Logs: groups, streams and events, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.logs import events, groups, streams, tagging
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
    "ListTagsForResource": Operation(tagging.list_tags_for_resource, tagging.tagged_arn),
    "ListTagsLogGroup": Operation(tagging.list_tags_log_group, group_arn),
    "PutLogEvents": Operation(events.put_log_events, stream_arn),
    "PutRetentionPolicy": Operation(groups.put_retention_policy, group_arn),
    "TagLogGroup": Operation(tagging.tag_log_group, group_arn),
    "TagResource": Operation(tagging.tag_resource, tagging.tagged_arn),
    "UntagLogGroup": Operation(tagging.untag_log_group, group_arn),
    "UntagResource": Operation(tagging.untag_resource, tagging.tagged_arn),
}
