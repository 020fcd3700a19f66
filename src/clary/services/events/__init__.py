"""Amazon EventBridge: buses, rules, targets and PutEvents, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.events import buses, destinations, names, rules, sending, tags, targets
from clary.services.operation import Operation

_connection, _destination = destinations.connection_arn, destinations.destination_arn

OPERATIONS: Mapping[str, Operation] = {
    "CreateApiDestination": Operation(destinations.create_api_destination, _destination),
    "CreateConnection": Operation(destinations.create_connection, _connection),
    "CreateEventBus": Operation(buses.create_event_bus, names.named_bus),
    "DeleteApiDestination": Operation(destinations.delete_api_destination, _destination),
    "DeleteConnection": Operation(destinations.delete_connection, _connection),
    "DeleteEventBus": Operation(buses.delete_event_bus, names.named_bus),
    "DeleteRule": Operation(rules.delete_rule, names.named_rule),
    "DescribeApiDestination": Operation(destinations.describe_api_destination, _destination),
    "DescribeConnection": Operation(destinations.describe_connection, _connection),
    "DescribeEventBus": Operation(buses.describe_event_bus, names.named_bus),
    "DescribeRule": Operation(rules.describe_rule, names.named_rule),
    "DisableRule": Operation(rules.disable_rule, names.named_rule),
    "EnableRule": Operation(rules.enable_rule, names.named_rule),
    "ListApiDestinations": Operation(destinations.list_api_destinations),
    "ListConnections": Operation(destinations.list_connections),
    "ListEventBuses": Operation(buses.list_event_buses),
    "ListRuleNamesByTarget": Operation(targets.list_rule_names_by_target, names.any_rule),
    "ListRules": Operation(rules.list_rules, names.any_rule),
    "ListTagsForResource": Operation(tags.TAGGING.list_tags_for_resource, names.tagged),
    "ListTargetsByRule": Operation(targets.list_targets_by_rule, names.named_rule),
    "PutEvents": Operation(sending.put_events, open_to_all=True),  # authorises each bus itself
    "PutPermission": Operation(buses.put_permission, names.own_bus),
    "PutRule": Operation(rules.put_rule, names.named_rule),
    "PutTargets": Operation(targets.put_targets, names.named_rule),
    "RemovePermission": Operation(buses.remove_permission, names.own_bus),
    "RemoveTargets": Operation(targets.remove_targets, names.named_rule),
    "TagResource": Operation(tags.TAGGING.tag_resource, names.tagged),
    "TestEventPattern": Operation(sending.match_event_pattern),
    "UntagResource": Operation(tags.TAGGING.untag_resource, names.tagged),
    "UpdateApiDestination": Operation(destinations.update_api_destination, _destination),
    "UpdateConnection": Operation(destinations.update_connection, _connection),
}
