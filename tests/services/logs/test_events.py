"""Events: what is accepted, how pages and tokens go, how clients follow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clary.base.clock import to_epoch_ms
from clary.services.logs import events as events_module
from tests.services.calling import NOW, Client

START = to_epoch_ms(NOW)
WHERE = {"logGroupName": "group", "logStreamName": "stream"}
DAY = 86_400_000


def put(client: Client, *events: tuple[int, str], stream: str = "stream") -> dict[str, Any]:
    entries = [{"timestamp": START + at, "message": message} for at, message in events]
    return client("PutLogEvents", logGroupName="group", logStreamName=stream, logEvents=entries)


def get(client: Client, **request: Any) -> dict[str, Any]:
    return client("GetLogEvents", **WHERE, **request)


def texts(page: dict[str, Any]) -> list[str]:
    return [event["message"] for event in page["events"]]


def test_events_come_back_in_the_order_of_time_and_arrival(client: Client) -> None:
    assert put(client, (1, "b"), (1, "c"), (3, "e"))["nextSequenceToken"]
    put(client, (0, "a"), (1, "d"))
    page = get(client, startFromHead=True)
    assert texts(page) == ["a", "b", "c", "d", "e"]
    assert page["events"][0] == {"timestamp": START, "message": "a", "ingestionTime": START}


def test_what_puts_are_refused(client: Client) -> None:
    entry = {"timestamp": START, "message": "x"}
    late = {"timestamp": START - 1, "message": "x"}
    old = {"timestamp": START - DAY - 1, "message": "x"}
    large = {"timestamp": START, "message": "x" * 600_000}
    for bad in ([entry, late], [old, entry], [large, large]):
        client.fails("PutLogEvents", "InvalidParameterException", **WHERE, logEvents=bad)
    missing = {"logGroupName": "group", "logStreamName": "missing", "logEvents": [entry]}
    client.fails("PutLogEvents", "ResourceNotFoundException", **missing)
    assert texts(get(client)) == []


def test_too_old_and_too_new_events_are_left_out_and_named(client: Client) -> None:
    old = put(client, (-14 * DAY - 2, "too old"), (-14 * DAY - 1, "too old"), (-14 * DAY, "kept"))
    assert old["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 2}
    new = put(client, (0, "now"), (7_200_000, "kept"), (7_200_001, "too new"))
    assert new["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 2}
    client("PutRetentionPolicy", logGroupName="group", retentionInDays=1)
    expired = put(client, (-DAY - 1, "expired"), (-DAY, "kept"))
    assert expired["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert texts(get(client)) == ["kept", "kept", "now", "kept"]


def test_without_a_token_the_last_events_come(client: Client) -> None:
    put(client, *((at, str(at)) for at in range(10)))
    page = get(client, limit=3)
    assert texts(page) == ["7", "8", "9"]
    before = get(client, limit=3, nextToken=page["nextBackwardToken"])
    assert texts(before) == ["4", "5", "6"]
    again = get(client, limit=3, nextToken=before["nextForwardToken"])
    assert texts(again) == ["7", "8", "9"]


@pytest.mark.parametrize("limit", [1, 3, 4, 100])
def test_pages_joined_are_the_stream_in_both_directions(client: Client, limit: int) -> None:
    """Ten events at only three times: time alone does not tell where a page has ended."""
    put(client, *((at // 4, str(at)) for at in range(10)))
    forward: list[str] = []
    page = get(client, startFromHead=True, limit=limit)
    while page["events"]:
        forward += texts(page)
        page = get(client, startFromHead=True, limit=limit, nextToken=page["nextForwardToken"])
    assert forward == [str(at) for at in range(10)]
    backward: list[str] = []
    page = get(client, limit=limit)
    while page["events"]:
        backward = texts(page) + backward
        page = get(client, limit=limit, nextToken=page["nextBackwardToken"])
    assert backward == forward


def test_at_the_end_the_same_token_comes_again_until_something_is_new(client: Client) -> None:
    """So do clients know that they have everything, and how they follow."""
    empty = get(client, startFromHead=True)
    assert empty["events"] == []
    assert get(client, nextToken=empty["nextForwardToken"])["nextForwardToken"] == empty["nextForwardToken"]
    put(client, (0, "a"))
    first = get(client, nextToken=empty["nextForwardToken"])
    assert texts(first) == ["a"]
    end = get(client, nextToken=first["nextForwardToken"])
    assert (end["events"], end["nextForwardToken"]) == ([], first["nextForwardToken"])
    put(client, (0, "b"), (1, "c"))
    assert texts(get(client, nextToken=end["nextForwardToken"])) == ["b", "c"]
    start = get(client, nextToken=first["nextBackwardToken"])
    assert (start["events"], start["nextBackwardToken"]) == ([], first["nextBackwardToken"])


def test_the_start_of_a_time_range_belongs_to_it_and_the_end_does_not(client: Client) -> None:
    put(client, *((at, str(at)) for at in range(5)))
    span = {"startTime": START + 1, "endTime": START + 3}
    assert texts(get(client, **span, startFromHead=True)) == ["1", "2"]
    assert texts(get(client, **span)) == ["1", "2"]
    found = client("FilterLogEvents", logGroupName="group", **span)
    assert texts(found) == ["1", "2", "3"]  # here the end belongs to it


def test_tokens_of_other_streams_are_refused(client: Client) -> None:
    client("CreateLogStream", logGroupName="group", logStreamName="other")
    token = client("GetLogEvents", logGroupName="group", logStreamName="other")["nextForwardToken"]
    for bad in (token, "f/x", "b/" + token[2:], "x", ""):
        with pytest.raises(events_module.names.ApiError):
            get(client, nextToken=bad)


def test_an_answer_has_at_most_a_megabyte(client: Client) -> None:
    for at in range(6):
        put(client, (at, str(at) + "x" * 250_000))
    page = get(client, startFromHead=True)
    assert [text[0] for text in texts(page)] == ["0", "1", "2", "3"]
    rest = get(client, startFromHead=True, nextToken=page["nextForwardToken"])
    assert [text[0] for text in texts(rest)] == ["4", "5"]
    assert [text[0] for text in texts(get(client))] == ["2", "3", "4", "5"]
    found = client("FilterLogEvents", logGroupName="group")
    assert [text[0] for text in texts(found)] == ["0", "1", "2", "3"]


def filled(client: Client) -> list[str]:
    """Three streams with interleaved events; the messages in the order of time."""
    expected = []
    for name in ("job/1", "job/2", "other"):
        client("CreateLogStream", logGroupName="group", logStreamName=name)
    for at in range(12):
        name = ("job/1", "job/2", "other")[at % 3]
        put(client, (at, f"{'even' if at % 2 == 0 else 'odd'} {at} {name}"), stream=name)
        expected.append(f"{'even' if at % 2 == 0 else 'odd'} {at} {name}")
    return expected


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
@pytest.mark.parametrize("pattern", ["", "even", "nothing"])
def test_filtered_pages_joined_are_the_matching_events_of_all_streams(
    client: Client, limit: int, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "_SCAN_BATCH", 3)
    monkeypatch.setattr(events_module, "_SCAN_MOST", 7)
    expected = [text for text in filled(client) if pattern in text]
    found: list[str] = []
    ids = []
    token: dict[str, str] = {}
    while True:
        page = client("FilterLogEvents", logGroupName="group", filterPattern=pattern, limit=limit, **token)
        assert len(page["events"]) <= limit
        found += texts(page)
        ids += [event["eventId"] for event in page["events"]]
        assert all(event["message"].endswith(event["logStreamName"]) for event in page["events"])
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert found == expected
    assert ids == sorted(set(ids))


def test_filters_look_into_chosen_streams_only(client: Client) -> None:
    expected = filled(client)
    by_prefix = client("FilterLogEvents", logGroupName="group", logStreamNamePrefix="job/")
    assert texts(by_prefix) == [text for text in expected if "job/" in text]
    by_name = client("FilterLogEvents", logGroupName="group", logStreamNames=["other", "job/2"])
    assert texts(by_name) == [text for text in expected if "job/1" not in text]
    nothing = client("FilterLogEvents", logGroupName="group", logStreamNamePrefix="none")
    assert nothing["events"] == []
    client.fails("FilterLogEvents", "ResourceNotFoundException", logGroupName="group", logStreamNames=["none"])
    client.fails(
        "FilterLogEvents",
        "InvalidParameterException",
        logGroupName="group",
        logStreamNames=["other"],
        logStreamNamePrefix="job/",
    )


def test_following_by_time_and_event_id_sees_each_event_once(client: Client) -> None:
    """As `aws logs tail --follow` does: ask from the last time on and drop known ids."""
    seen: dict[str, str] = {}
    start = START
    for round_number in range(4):
        later = client.at(now=NOW + timedelta(seconds=round_number))
        put(later, (round_number // 2, f"a{round_number}"), (round_number // 2, f"b{round_number}"))
        page = later("FilterLogEvents", logGroupName="group", startTime=start)
        seen.update({event["eventId"]: event["message"] for event in page["events"]})
        start = max(event["timestamp"] for event in page["events"])
    assert list(seen.values()) == [f"{letter}{number}" for number in range(4) for letter in "ab"]
