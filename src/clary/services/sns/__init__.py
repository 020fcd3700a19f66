"""Amazon SNS: topics, subscriptions and Publish, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Handler, Operation
from clary.services.sns import names, permissions, publishing, subscription_attributes, subscriptions, tags, topics


def _on_topic(handler: Handler, action: str = "") -> Operation:
    """An operation on the topic of the request, which may allow it by its own policy."""
    return Operation(handler, names.topic_arn, action, policies=names.own_policies)


OPERATIONS: Mapping[str, Operation] = {
    "AddPermission": _on_topic(permissions.add_permission),
    "ConfirmSubscription": Operation(subscriptions.confirm_subscription, open_to_all=True),
    "CreateTopic": Operation(topics.create_topic, names.named_arn),
    "DeleteTopic": _on_topic(topics.delete_topic),
    "GetSubscriptionAttributes": Operation(
        subscription_attributes.get_subscription_attributes, names.topic_of_subscription
    ),
    "GetTopicAttributes": _on_topic(topics.get_topic_attributes),
    "ListSubscriptions": Operation(subscriptions.list_subscriptions, names.every_topic),
    "ListSubscriptionsByTopic": _on_topic(subscriptions.list_subscriptions_by_topic),
    "ListTagsForResource": _on_topic(tags.list_tags_for_resource),
    "ListTopics": Operation(topics.list_topics, names.every_topic),
    "Publish": _on_topic(publishing.publish),
    "PublishBatch": _on_topic(publishing.publish_batch, "sns:Publish"),
    "RemovePermission": _on_topic(permissions.remove_permission),
    "SetSubscriptionAttributes": Operation(
        subscription_attributes.set_subscription_attributes, names.topic_of_subscription
    ),
    "SetTopicAttributes": _on_topic(topics.set_topic_attributes),
    "Subscribe": _on_topic(subscriptions.subscribe),
    "TagResource": _on_topic(tags.tag_resource),
    "Unsubscribe": Operation(subscriptions.unsubscribe, open_to_all=True),
    "UntagResource": _on_topic(tags.untag_resource),
}
