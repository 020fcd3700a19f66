"""Topics and subscriptions through boto3: what can be made, found, changed, published and refused."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from tests.server import Server


def topic(server: Server, name: str, **attributes: str) -> str:
    arn: str = server.client("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"]
    return arn


def queue_arn(server: Server, name: str) -> str:
    return f"arn:aws:sqs:{server.installation.region}:{server.installation.account}:{name}"


def test_the_life_of_a_topic(server: Server) -> None:
    sns = server.client("sns")
    arn = topic(server, "life", DisplayName="Life")
    assert arn == f"arn:aws:sns:{server.installation.region}:{server.installation.account}:life"
    assert topic(server, "life") == topic(server, "life", DisplayName="Life") == arn
    with pytest.raises(ClientError, match="different attributes"):
        topic(server, "life", DisplayName="Death")
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="Love")
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (found["DisplayName"], found["SubscriptionsConfirmed"]) == ("Love", "0")
    assert json.loads(found["Policy"])["Statement"][0]["Resource"] == arn
    assert arn in [item["TopicArn"] for item in sns.list_topics()["Topics"]]
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "churn"}, {"Key": "x", "Value": "y"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["x"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "churn"}]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn(server, "life"))
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=arn, Message="x")
    assert not [item for item in sns.list_subscriptions()["Subscriptions"] if item["TopicArn"] == arn]


def test_lists_go_on_behind_a_hundred(server: Server) -> None:
    sns = server.client("sns")
    arn = topic(server, "many")
    made = [
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn(server, f"many-{number}"))["SubscriptionArn"]
        for number in range(102)
    ]
    pages = list(sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn))
    assert [len(page["Subscriptions"]) for page in pages] == [100, 2]
    assert [item["SubscriptionArn"] for page in pages for item in page["Subscriptions"]] == made


def test_a_subscription_and_its_attributes(server: Server) -> None:
    sns = server.client("sns")
    arn = topic(server, "attributes")
    endpoint = queue_arn(server, "attributes")
    subscription = sns.subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint=endpoint, Attributes={"RawMessageDelivery": "true"}
    )["SubscriptionArn"]
    assert subscription.startswith(f"{arn}:")
    assert sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint)["SubscriptionArn"] == subscription
    policy = json.dumps({"kind": ["a", {"prefix": "b"}]})
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=policy)
    found = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert (found["RawMessageDelivery"], found["FilterPolicy"]) == ("true", policy)
    assert (found["FilterPolicyScope"], found["PendingConfirmation"]) == ("MessageAttributes", "false")
    with pytest.raises(sns.exceptions.InvalidParameterException, match="FilterPolicy"):
        sns.set_subscription_attributes(
            SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue='{"kind": "a"}'
        )
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["SubscriptionsConfirmed"] == "1"
    sns.unsubscribe(SubscriptionArn=subscription)
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.get_subscription_attributes(SubscriptionArn=subscription)


def test_http_endpoints_are_asked_first(server: Server) -> None:
    sns = server.client("sns")
    arn = topic(server, "pending")
    # nothing listens there: the subscription stays pending, whatever becomes of the question
    arguments: dict[str, Any] = {"TopicArn": arn, "Protocol": "http", "Endpoint": "http://127.0.0.1:9/hook"}
    assert sns.subscribe(**arguments)["SubscriptionArn"] == "pending confirmation"
    subscription = sns.subscribe(**arguments, ReturnSubscriptionArn=True)["SubscriptionArn"]
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    assert (
        sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]["PendingConfirmation"] == "true"
    )
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.confirm_subscription(TopicArn=arn, Token="guess")
    link = f"{server.url}/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn={subscription}"
    with urlopen(link) as answer:
        assert answer.status == 200
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []


@pytest.mark.parametrize(
    ("protocol", "endpoint", "code"),
    [
        ("sms", "+15550100", "NotImplemented"),
        ("firehose", "arn:aws:firehose:us-east-1:111122223333:deliverystream/x", "NotImplemented"),
        ("sqs", "https://example.com", "InvalidParameter"),
        ("https", "http://example.com", "InvalidParameter"),
        ("email", "nobody", "InvalidParameter"),
    ],
)
def test_who_cannot_subscribe(server: Server, protocol: str, endpoint: str, code: str) -> None:
    arn = topic(server, "refusing")
    with pytest.raises(ClientError) as refused:
        server.client("sns").subscribe(TopicArn=arn, Protocol=protocol, Endpoint=endpoint)
    assert refused.value.response["Error"]["Code"] == code


def test_messages_that_are_refused(server: Server) -> None:
    sns = server.client("sns")
    arn = topic(server, "words")
    number = {"n": {"DataType": "Nonsense", "StringValue": "1"}}
    cases: list[dict[str, Any]] = [
        {"Message": "x" * 262_145},
        {"Message": "x", "Subject": "two\nlines"},
        {"Message": "{}", "MessageStructure": "json"},
        {"Message": "x", "MessageDeduplicationId": "d"},
    ]
    for arguments in cases:
        with pytest.raises(sns.exceptions.InvalidParameterException):
            sns.publish(TopicArn=arn, **arguments)
    with pytest.raises(sns.exceptions.InvalidParameterValueException):
        sns.publish(TopicArn=arn, Message="x", MessageAttributes=number)
    assert sns.publish(TopicArn=arn, Message="x", Subject="fine")["MessageId"]
    answer = sns.publish_batch(
        TopicArn=arn,
        PublishBatchRequestEntries=[{"Id": "a", "Message": "x"}, {"Id": "b", "Message": "x", "Subject": "\n"}],
    )
    assert ([e["Id"] for e in answer["Successful"]], [e["Code"] for e in answer["Failed"]]) == (
        ["a"],
        ["InvalidParameter"],
    )


def test_fifo_topics_take_nothing_twice(server: Server) -> None:
    sns = server.client("sns")
    arn = topic(server, "once.fifo", FifoTopic="true", ContentBasedDeduplication="true")
    with pytest.raises(sns.exceptions.InvalidParameterException, match="MessageGroupId"):
        sns.publish(TopicArn=arn, Message="x")
    first, second, third = (sns.publish(TopicArn=arn, Message=text, MessageGroupId="g") for text in ("x", "x", "y"))
    assert (first["MessageId"], first["SequenceNumber"]) == (second["MessageId"], second["SequenceNumber"])
    assert third["SequenceNumber"] > first["SequenceNumber"]
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="a@example.com")


def test_policies_of_topics_count(server: Server) -> None:
    sns, iam = server.client("sns"), server.client("iam")
    arn = topic(server, "policies")
    trust = {"Effect": "Allow", "Principal": {"AWS": server.installation.account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="topic-user", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    found = server.client("sts").assume_role(RoleArn=role, RoleSessionName="publisher")["Credentials"]
    stranger = server.client(
        "sns",
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )
    with pytest.raises(stranger.exceptions.AuthorizationErrorException) as refused:
        stranger.publish(TopicArn=arn, Message="x")
    assert "sns:Publish" in str(refused.value)
    allow = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "SNS:Publish", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    assert stranger.publish(TopicArn=arn, Message="x")["MessageId"]
    sns.add_permission(TopicArn=arn, Label="share", AWSAccountId=["111122223333"], ActionName=["Publish"])
    sns.remove_permission(TopicArn=arn, Label="share")
    assert len(json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])["Statement"]) == 1
