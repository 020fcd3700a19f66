"""Queues through boto3: order, visibility, long polling, dead letters, policies."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from tests.server import Server, eventually


def make(sqs: Any, name: str, **attributes: str) -> str:
    if name.endswith(".fifo"):
        attributes["FifoQueue"] = "true"
    url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def receive(sqs: Any, url: str, **arguments: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sqs.receive_message(QueueUrl=url, **{"MaxNumberOfMessages": 10, **arguments}).get(
        "Messages", []
    )
    return found


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def numbers(sqs: Any, url: str) -> tuple[str, str, str]:
    names = ["", "NotVisible", "Delayed"]
    names = [f"ApproximateNumberOfMessages{name}" for name in names]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return found[names[0]], found[names[1]], found[names[2]]


def arn_of(sqs: Any, url: str) -> str:
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def test_the_life_of_a_queue(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "life-one", VisibilityTimeout="45")
    assert url == f"{server.url}/{server.installation.account}/life-one"
    assert make(sqs, "life-one") == make(sqs, "life-one", VisibilityTimeout="45") == url
    with pytest.raises(sqs.exceptions.QueueNameExists):
        make(sqs, "life-one", VisibilityTimeout="46")
    assert sqs.get_queue_url(QueueName="life-one")["QueueUrl"] == url
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (found["DelaySeconds"], found["VisibilityTimeout"], found["MessageRetentionPeriod"]) == (
        "1",
        "45",
        "345600",
    )
    assert int(found["CreatedTimestamp"]) <= time.time()
    sqs.tag_queue(QueueUrl=url, Tags={"team": "churn", "x": "y"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["x"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "churn"}
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as gone:
        sqs.get_queue_url(QueueName="life-one")
    assert code_of(gone) == "AWS.SimpleQueueService.NonExistentQueue"
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=make(sqs, "life-one"))


def test_lists_have_pages_and_prefixes(server: Server) -> None:
    sqs = server.client("sqs")
    urls = [make(sqs, f"list-{number}") for number in range(5)]
    assert sqs.list_queues(QueueNamePrefix="list-")["QueueUrls"] == urls
    pages = list(sqs.get_paginator("list_queues").paginate(QueueNamePrefix="list-", PaginationConfig={"PageSize": 2}))
    assert [page["QueueUrls"] for page in pages] == [urls[:2], urls[2:4], urls[4:]]
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="nothing-like-it")


@pytest.mark.parametrize(
    ("name", "attributes", "code"),
    [
        ("bad name", {}, "InvalidParameterValue"),
        ("plain.fifo", {}, "InvalidParameterValue"),
        ("bad-1", {"FifoQueue": "true"}, "InvalidParameterValue"),
        ("bad-1", {"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ("bad-1", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ("bad-1", {"Policy": "{"}, "InvalidAttributeValue"),
        ("bad-1", {"RedrivePolicy": '{"deadLetterTargetArn": "x", "maxReceiveCount": 1}'}, "InvalidAttributeValue"),
        ("bad-1", {"KmsMasterKeyId": "alias/aws/sqs"}, "NotImplemented"),
    ],
)
def test_what_a_queue_cannot_be(server: Server, name: str, attributes: dict[str, str], code: str) -> None:
    sqs = server.client("sqs")
    with pytest.raises(ClientError) as refused:
        sqs.create_queue(QueueName=name, Attributes=attributes)
    assert code_of(refused) == code


def test_a_message_comes_back_with_its_attributes(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "attributes")
    given = {
        "app.kind": {"DataType": "String", "StringValue": "grüße"},
        "app.size": {"DataType": "Number", "StringValue": "12.5"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    # boto3 itself compares the MD5 sums of what it has sent and received
    sent = sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=given)
    (message,) = receive(sqs, url, MessageAttributeNames=["app.*"], AttributeNames=["All"])
    assert (message["Body"], message["MessageId"]) == ("hello", sent["MessageId"])
    assert message["MessageAttributes"] == {name: given[name] for name in ("app.kind", "app.size")}
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(message["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (message,) = receive(sqs, url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == given
    assert "Attributes" not in message


def test_visibility_delay_and_deletion(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "visibility")
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)
    sqs.send_message(QueueUrl=url, MessageBody="now")
    assert numbers(sqs, url) == ("1", "0", "1")
    (first,) = receive(sqs, url, VisibilityTimeout=600)
    assert numbers(sqs, url) == ("0", "1", "1")
    assert receive(sqs, url) == []
    handle = first["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    with pytest.raises(sqs.exceptions.MessageNotInflight):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)
    (again,) = receive(sqs, url, AttributeNames=["ApproximateReceiveCount"])
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert numbers(sqs, url) == ("0", "0", "1")
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="made-up")
    sqs.purge_queue(QueueUrl=url)
    assert numbers(sqs, url) == ("0", "0", "0")


def test_batches_answer_for_each_entry(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "batches", MaximumMessageSize="1024")
    entries = [{"Id": f"e{number}", "MessageBody": f"m{number}"} for number in range(9)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[*entries, {"Id": "big", "MessageBody": "x" * 1025}])
    assert [entry["Id"] for entry in answer["Successful"]] == [entry["Id"] for entry in entries]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]] == [
        ("big", "InvalidParameterValue", True)
    ]
    got = receive(sqs, url)
    assert bodies(got) == [entry["MessageBody"] for entry in entries]
    handles = [{"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]} for m in got]
    back = [{**handle, "VisibilityTimeout": 0} for handle in handles[:4]]
    assert len(sqs.change_message_visibility_batch(QueueUrl=url, Entries=back)["Successful"]) == 4
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=handles[4:])["Successful"]) == 5
    assert numbers(sqs, url) == ("4", "0", "0")
    with pytest.raises(sqs.exceptions.TooManyEntriesInBatchRequest):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": f"e{n}", "MessageBody": "x"} for n in range(11)])
    with pytest.raises(sqs.exceptions.BatchEntryIdsNotDistinct):
        sqs.send_message_batch(QueueUrl=url, Entries=[entries[0], entries[0]])
    with pytest.raises(sqs.exceptions.EmptyBatchRequest):
        sqs.send_message_batch(QueueUrl=url, Entries=[])


def test_a_waiting_receiver_wakes_when_a_message_comes(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "polling", ReceiveMessageWaitTimeSeconds="20")
    found: list[tuple[float, list[str]]] = []

    def wait() -> None:
        messages = receive(server.client("sqs"), url)
        found.append((time.monotonic(), bodies(messages)))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.5)  # long enough for the call to be on its way: what is tested is that it does not return
    assert not found
    sent = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="ding")
    waiting.join(15)
    assert found[0][1] == ["ding"]
    assert found[0][0] - sent < 10  # far less than the 20 seconds of the poll; usually some milliseconds


def test_an_empty_queue_answers_after_the_wait(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "empty")
    began = time.monotonic()
    assert receive(sqs, url) == []
    assert receive(sqs, url, WaitTimeSeconds=1) == []
    assert time.monotonic() - began >= 1


def test_receivers_at_the_same_time_get_different_messages(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "disjoint")
    for start in range(0, 60, 10):
        entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(start, start + 10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def drain(_receiver: int) -> list[str]:
        found: list[str] = []
        while messages := receive(sqs, url, MaxNumberOfMessages=3):
            found += bodies(messages)
        return found

    with ThreadPoolExecutor(4) as pool:
        everything = [body for found in pool.map(drain, range(4)) for body in found]
    assert sorted(everything, key=int) == [str(number) for number in range(60)]


def test_fifo_keeps_the_order_of_each_group(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "order.fifo", ContentBasedDeduplication="true")
    sequence = [
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body[0])["SequenceNumber"]
        for body in ("a1", "b1", "a2", "b2")
    ]
    assert sequence == sorted(sequence)
    (a1,) = receive(sqs, url, MaxNumberOfMessages=1, AttributeNames=["All"])
    assert (a1["Body"], a1["Attributes"]["MessageGroupId"]) == ("a1", "a")
    rest = receive(sqs, url)
    assert bodies(rest) == ["b1", "b2"]
    assert receive(sqs, url) == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=a1["ReceiptHandle"], VisibilityTimeout=0)
    with pytest.raises(ClientError, match="receipt handle has expired"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=a1["ReceiptHandle"])
    again = receive(sqs, url)
    assert bodies(again) == ["a1", "a2"]
    for message in (*again, *rest):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert numbers(sqs, url) == ("0", "0", "0")


def test_fifo_takes_nothing_twice(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "once.fifo")
    with pytest.raises(ClientError, match="ContentBasedDeduplication"):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    with pytest.raises(ClientError, match="MessageGroupId"):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")
    arguments = {"QueueUrl": url, "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    first = sqs.send_message(MessageBody="x", **arguments)
    (message,) = receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    second = sqs.send_message(MessageBody="x", **arguments)
    assert (second["MessageId"], second["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert receive(sqs, url) == []


@pytest.mark.parametrize("ending", ["", ".fifo"])
def test_what_fails_too_often_goes_to_the_dead_letters(server: Server, ending: str) -> None:
    sqs = server.client("sqs")
    letters = make(sqs, f"letters{ending}")
    policy = {"deadLetterTargetArn": arn_of(sqs, letters), "maxReceiveCount": 2}
    url = make(sqs, f"work{ending}", RedrivePolicy=json.dumps(policy))
    own = [{"MessageGroupId": "g", "MessageDeduplicationId": body} if ending else {} for body in ("poison", "good")]
    sqs.send_message(QueueUrl=url, MessageBody="poison", **own[0])
    for _ in range(2):
        assert bodies(receive(sqs, url, VisibilityTimeout=0)) == ["poison"]
    sqs.send_message(QueueUrl=url, MessageBody="good", **own[1])
    assert bodies(receive(sqs, url)) == ["good"]
    (dead,) = receive(sqs, letters, AttributeNames=["All"])
    assert (dead["Body"], dead["Attributes"]["DeadLetterQueueSourceArn"]) == ("poison", arn_of(sqs, url))
    assert sqs.list_dead_letter_source_queues(QueueUrl=letters)["queueUrls"] == [url]


def test_a_queue_may_refuse_dead_letters(server: Server) -> None:
    sqs = server.client("sqs")
    letters = make(sqs, "private-letters", RedriveAllowPolicy='{"redrivePermission": "denyAll"}')
    policy = json.dumps({"deadLetterTargetArn": arn_of(sqs, letters), "maxReceiveCount": 2})
    with pytest.raises(sqs.exceptions.InvalidAttributeValue):
        make(sqs, "not-allowed", RedrivePolicy=policy)


def test_policies_of_queues_count(server: Server) -> None:
    sqs, iam = server.client("sqs"), server.client("iam")
    url = make(sqs, "policies")
    trust = {"Effect": "Allow", "Principal": {"AWS": server.installation.account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="queue-user", AssumeRolePolicyDocument=document)["Role"]["Arn"]

    def session() -> Any:
        found = server.client("sts").assume_role(RoleArn=role, RoleSessionName="reader")["Credentials"]
        return server.client(
            "sqs",
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
        )

    stranger = session()
    with pytest.raises(ClientError, match="not authorized to perform: sqs:SendMessage"):
        stranger.send_message(QueueUrl=url, MessageBody="x")
    allow = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "SQS:SendMessage", "Resource": arn_of(sqs, url)}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    assert stranger.send_message(QueueUrl=url, MessageBody="x")["MessageId"]
    entries = [{"Id": "a", "MessageBody": "y"}]
    assert stranger.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    with pytest.raises(ClientError, match="not authorized to perform: sqs:ReceiveMessage"):
        receive(stranger, url)
    sqs.add_permission(QueueUrl=url, Label="share", AWSAccountIds=["111122223333"], Actions=["ReceiveMessage"])
    found = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
    assert [statement.get("Sid") for statement in found["Statement"]] == [None, "share"]
    sqs.remove_permission(QueueUrl=url, Label="share")
    with pytest.raises(ClientError):
        sqs.remove_permission(QueueUrl=url, Label="share")


def test_messages_that_are_refused(server: Server) -> None:
    sqs = server.client("sqs")
    url = make(sqs, "refusing", MaximumMessageSize="1024")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"MessageBody": "x" * 1025}, "InvalidParameterValue"),
        ({"MessageBody": "\x00"}, "InvalidMessageContents"),
        ({"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
        ({"MessageBody": "x", "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
        (
            {"MessageBody": "x", "MessageAttributes": {"aws.a": {"DataType": "String", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
    ]
    for arguments, code in cases:
        with pytest.raises(ClientError) as refused:
            sqs.send_message(QueueUrl=url, **arguments)
        assert code_of(refused) == code, arguments
    assert eventually(lambda: numbers(sqs, url) == ("0", "0", "0"))


def test_older_clients_speak_the_query_protocol(server: Server) -> None:
    installation = server.installation
    credentials = Credentials(installation.access_key_id, installation.secret_access_key)

    def ask(path: str, **fields: str) -> tuple[int, str]:
        body = urlencode({"Version": "2012-11-05", **{name.replace("__", "."): v for name, v in fields.items()}})
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = AWSRequest("POST", server.url + path, data=body, headers=headers)
        SigV4Auth(credentials, "sqs", installation.region).add_auth(request)
        answer = URLLib3Session().send(request.prepare())
        return answer.status_code, answer.text

    status, text = ask(
        "/", Action="CreateQueue", QueueName="older", Attribute__1__Name="DelaySeconds", Attribute__1__Value="0"
    )
    url = f"{server.url}/{installation.account}/older"
    assert (status, f"<CreateQueueResult><QueueUrl>{url}</QueueUrl></CreateQueueResult>" in text) == (200, True), text
    path = f"/{installation.account}/older"
    attribute = {
        "MessageAttribute__1__Name": "kind",
        "MessageAttribute__1__Value__DataType": "String",
        "MessageAttribute__1__Value__StringValue": "old",
    }
    status, text = ask(path, Action="SendMessage", QueueUrl=url, MessageBody="from <before>", **attribute)
    assert (status, "<MD5OfMessageBody>" in text) == (200, True), text
    (message,) = receive(server.client("sqs"), url, MessageAttributeNames=["All"], VisibilityTimeout=0)
    assert message["MessageAttributes"]["kind"]["StringValue"] == "old"
    status, text = ask(path, Action="ReceiveMessage", AttributeName__1="All", MessageAttributeName__1="All")
    assert "<Body>from &lt;before&gt;</Body>" in text
    assert "<MessageAttribute><Name>kind</Name><Value><StringValue>old</StringValue>" in text
    handle = text.partition("<ReceiptHandle>")[2].partition("<")[0]
    status, text = ask(path, Action="DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
    assert (status, "<DeleteMessageResponse" in text) == (200, True), text
    assert numbers(server.client("sqs"), url) == ("0", "0", "0")
    status, text = ask("/", Action="GetQueueUrl", QueueName="nowhere")
    assert (status, "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in text) == (400, True), text
