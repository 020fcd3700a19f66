"""Groups and streams: names, ARNs, pages, retention, errors."""

from __future__ import annotations

from typing import Any

import pytest

from clary.base.clock import to_epoch_ms
from tests.services.calling import ACCOUNT, NOW, Client

GROUP_ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:group"


def pages(client: Client, operation: str, member: str, name: str, **request: Any) -> list[list[str]]:
    found = []
    token: dict[str, str] = {}
    while True:
        page = client(operation, **request, **token)
        found.append([entry[name] for entry in page[member]])
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


def put(client: Client, stream: str, *events: tuple[int, str]) -> dict[str, Any]:
    entries = [{"timestamp": to_epoch_ms(NOW) + at, "message": message} for at, message in events]
    return client("PutLogEvents", logGroupName="group", logStreamName=stream, logEvents=entries)


def test_a_group_is_described_with_its_arns(client: Client) -> None:
    put(client, "stream", (0, "12345"))
    (group,) = client("DescribeLogGroups")["logGroups"]
    assert group == {
        "logGroupName": "group",
        "creationTime": to_epoch_ms(NOW),
        "metricFilterCount": 0,
        "arn": f"{GROUP_ARN}:*",
        "logGroupArn": GROUP_ARN,
        "logGroupClass": "STANDARD",
        "storedBytes": 31,
    }


def test_a_stream_is_described_with_the_times_of_its_events(client: Client) -> None:
    (empty,) = client("DescribeLogStreams", logGroupName="group")["logStreams"]
    assert "lastEventTimestamp" not in empty
    assert empty["arn"] == f"{GROUP_ARN}:log-stream:stream"
    put(client, "stream", (-5, "a"), (7, "b"))
    (stream,) = client("DescribeLogStreams", logGroupName="group")["logStreams"]
    now = to_epoch_ms(NOW)
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (now - 5, now + 7)
    assert stream["lastIngestionTime"] == now


def test_what_exists_or_not_is_said_in_the_words_sdks_wait_for(client: Client) -> None:
    error = client.fails("DescribeLogStreams", "ResourceNotFoundException", logGroupName="missing")
    assert (error.message, error.status) == ("The specified log group does not exist.", 400)
    for operation in ("DeleteLogGroup", "DeleteRetentionPolicy"):
        client.fails(operation, "ResourceNotFoundException", logGroupName="missing")
    error = client.fails("GetLogEvents", "ResourceNotFoundException", logGroupName="group", logStreamName="missing")
    assert error.message == "The specified log stream does not exist."
    error = client.fails("CreateLogGroup", "ResourceAlreadyExistsException", logGroupName="group")
    assert error.message == "The specified log group already exists"
    client.fails("CreateLogStream", "ResourceAlreadyExistsException", logGroupName="group", logStreamName="stream")


def test_other_accounts_and_regions_see_nothing(client: Client) -> None:
    for other in (client.at(account="999988887777"), client.at(region="eu-west-1")):
        assert other("DescribeLogGroups")["logGroups"] == []
        other.fails("DescribeLogStreams", "ResourceNotFoundException", logGroupName="group")
        other.fails("DescribeLogStreams", "ResourceNotFoundException", logGroupIdentifier=GROUP_ARN)


@pytest.mark.parametrize("identifier", ["group", GROUP_ARN, f"{GROUP_ARN}:*"])
def test_groups_may_be_named_by_arn(client: Client, identifier: str) -> None:
    assert len(client("DescribeLogStreams", logGroupIdentifier=identifier)["logStreams"]) == 1
    assert client.permissions.asked[-1][:2] == ("logs:DescribeLogStreams", f"{GROUP_ARN}:*")


def test_a_group_must_be_named_once(client: Client) -> None:
    client.fails("DescribeLogStreams", "InvalidParameterException")
    client.fails("DescribeLogStreams", "InvalidParameterException", logGroupName="group", logGroupIdentifier="group")
    client.fails(
        "DescribeLogStreams", "InvalidParameterException", logGroupIdentifier=f"arn:aws:s3:us-east-1:{ACCOUNT}:x"
    )


def test_pages_of_groups(client: Client) -> None:
    names = [f"/aws/{number}" for number in range(5)]
    for name in names:
        client("CreateLogGroup", logGroupName=name)
    request = {"operation": "DescribeLogGroups", "member": "logGroups", "name": "logGroupName"}
    assert pages(client, **request, limit=2, logGroupNamePrefix="/aws/") == [names[:2], names[2:4], names[4:]]
    assert pages(client, **request, logGroupNamePattern="ws/3") == [["/aws/3"]]
    client.fails("DescribeLogGroups", "InvalidParameterException", logGroupNamePrefix="a", logGroupNamePattern="b")


def test_a_complete_page_never_has_a_token(client: Client) -> None:
    """SDKs ask again for as long as they see one."""
    client("CreateLogStream", logGroupName="group", logStreamName="two")
    for limit in (2, 3, 50):
        assert "nextToken" not in client("DescribeLogStreams", logGroupName="group", limit=limit)
        assert "nextToken" not in client("DescribeLogGroups", limit=limit)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ["LogStreamName", "LastEventTime"])
def test_pages_of_streams_in_each_order(client: Client, order: str, descending: bool) -> None:
    """Streams of equal times must neither be lost nor repeated at the edges of pages."""
    last = {"a": 30, "b": 10, "c": 20, "d": 20, "e": 20}
    for name, at in last.items():
        client("CreateLogStream", logGroupName="group", logStreamName=name)
        put(client, name, (at, "x"))
    last["stream"] = 0
    expected = sorted(last, key=lambda name: (last[name] if order == "LastEventTime" else 0, name))
    expected = expected[::-1] if descending else expected
    found = pages(
        client,
        "DescribeLogStreams",
        "logStreams",
        "logStreamName",
        logGroupName="group",
        limit=2,
        orderBy=order,
        descending=descending,
    )
    assert [len(page) for page in found] == [2, 2, 2]
    assert [name for page in found for name in page] == expected


def test_prefixes_of_streams(client: Client) -> None:
    for name in ("job/algo-1-1", "job/algo-2-1", "job2/algo-1-1"):
        client("CreateLogStream", logGroupName="group", logStreamName=name)
    found = client("DescribeLogStreams", logGroupName="group", logStreamNamePrefix="job/")["logStreams"]
    assert [stream["logStreamName"] for stream in found] == ["job/algo-1-1", "job/algo-2-1"]
    client.fails(
        "DescribeLogStreams",
        "InvalidParameterException",
        logGroupName="group",
        logStreamNamePrefix="job/",
        orderBy="LastEventTime",
    )


def test_retention_is_kept_shown_and_taken_back(client: Client) -> None:
    client("PutRetentionPolicy", logGroupName="group", retentionInDays=7)
    assert client("DescribeLogGroups")["logGroups"][0]["retentionInDays"] == 7
    client.fails("PutRetentionPolicy", "InvalidParameterException", logGroupName="group", retentionInDays=8)
    client("DeleteRetentionPolicy", logGroupName="group")
    assert "retentionInDays" not in client("DescribeLogGroups")["logGroups"][0]


def test_deleting_takes_the_events_along(client: Client) -> None:
    put(client, "stream", (0, "a"))
    client("DeleteLogStream", logGroupName="group", logStreamName="stream")
    client.fails("DeleteLogStream", "ResourceNotFoundException", logGroupName="group", logStreamName="stream")
    client("CreateLogStream", logGroupName="group", logStreamName="stream")
    assert client("GetLogEvents", logGroupName="group", logStreamName="stream")["events"] == []
    put(client, "stream", (0, "a"))
    client("DeleteLogGroup", logGroupName="group")
    assert client("DescribeLogGroups")["logGroups"] == []
    client("CreateLogGroup", logGroupName="group")
    assert client("FilterLogEvents", logGroupName="group")["events"] == []


def test_groups_by_identifiers_and_class(client: Client) -> None:
    for name in ("other", "third"):
        client("CreateLogGroup", logGroupName=name, logGroupClass="STANDARD")
    asked = [GROUP_ARN, f"{GROUP_ARN}:*", "third", "missing"]
    found = client("DescribeLogGroups", logGroupIdentifiers=asked)["logGroups"]
    assert [group["logGroupName"] for group in found] == ["group", "third"]
    assert client("DescribeLogGroups", logGroupClass="INFREQUENT_ACCESS")["logGroups"] == []
    assert len(client("DescribeLogGroups", logGroupClass="STANDARD", accountIdentifiers=[ACCOUNT])["logGroups"]) == 3
    both = {"logGroupIdentifiers": ["group"], "logGroupNamePrefix": "g"}
    client.fails("DescribeLogGroups", "InvalidParameterException", **both)


@pytest.mark.parametrize(
    "given", [{"logGroupClass": "INFREQUENT_ACCESS"}, {"kmsKeyId": "k"}, {"deletionProtectionEnabled": True}]
)
def test_what_groups_cannot_be_is_named(client: Client, given: dict[str, Any]) -> None:
    refused = client.fails("CreateLogGroup", "NotImplemented", logGroupName="new", **given)
    assert next(iter(given)) in refused.message
    assert len(client("DescribeLogGroups")["logGroups"]) == 1


def test_tags_by_arn_and_by_name(client: Client) -> None:
    client("TagResource", resourceArn=GROUP_ARN, tags={"a": "1", "b": "2"})
    client("TagLogGroup", logGroupName="group", tags={"b": "3", "c": "4"})
    assert client("ListTagsForResource", resourceArn=f"{GROUP_ARN}:*") == {"tags": {"a": "1", "b": "3", "c": "4"}}
    client("UntagResource", resourceArn=GROUP_ARN, tagKeys=["a"])
    client("UntagLogGroup", logGroupName="group", tags=["b"])
    assert client("ListTagsLogGroup", logGroupName="group") == {"tags": {"c": "4"}}
    client.fails("TagResource", "InvalidParameterException", resourceArn=GROUP_ARN, tags={"aws:x": "1"})
    many = {f"k{number}": "v" for number in range(50)}
    client.fails("TagResource", "InvalidParameterException", resourceArn=GROUP_ARN, tags=many)
    client.fails("TagResource", "ResourceNotFoundException", resourceArn=f"{GROUP_ARN}2", tags={"a": "1"})
    client.fails("TagResource", "InvalidParameterException", resourceArn="group", tags={"a": "1"})
    client.fails("CreateLogGroup", "InvalidParameterException", logGroupName="new", tags={"aws:x": "1"})
