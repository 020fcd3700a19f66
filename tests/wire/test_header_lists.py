from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.wire.header_lists import join_list, split_list
from clary.wire.http import RequestHead
from clary.wire.parsing import parse
from clary.wire.rendering import render
from tests.wire.shop import shape, shop

TARGET = shop("rest-json")
TEXT = shape("Text", TARGET)
MOMENT = shape("Moment", TARGET)
DAYS = "Mon, 16 Dec 2019 23:48:18 GMT, Tue, 17 Dec 2019 00:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("", []),
        ("  ", []),
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        ("a,,b", ["a", "", "b"]),
        ("a,", ["a", ""]),
        ('"a,b", c', ["a,b", "c"]),
        (r'"say \"yes\"", "\\"', ['say "yes"', "\\"]),
        ('"open, c', ['"open', "c"]),
        ('a"b", c', ['a"b"', "c"]),
        ('"a"b, c', ['"a"b', "c"]),
    ],
)
def test_items_are_told_apart(value: str, items: list[str]) -> None:
    assert split_list(TEXT, value) == items


def test_dates_have_commas_of_their_own() -> None:
    assert split_list(MOMENT, DAYS) == ["Mon, 16 Dec 2019 23:48:18 GMT", "Tue, 17 Dec 2019 00:00:00 GMT"]
    assert split_list(MOMENT, "2019-12-16T23:48:18Z,1576540098") == ["2019-12-16T23:48:18Z", "1576540098"]


@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), min_size=1))
def test_what_is_joined_is_split_again(items: list[str]) -> None:
    assert split_list(TEXT, join_list(TEXT, items)) == items


def test_a_long_header_takes_no_time() -> None:
    assert len(split_list(TEXT, '"a' * 30_000)) == 1
    assert len(split_list(TEXT, '"\\' * 30_000 + ",x")) == 2
    assert split_list(MOMENT, "A" * 60_000) == ["A" * 60_000]


def test_lists_in_headers_of_requests_and_responses() -> None:
    days = [datetime(2019, 12, 16, 23, 48, 18, tzinfo=UTC), datetime(2019, 12, 17, tzinfo=UTC)]
    head = RequestHead("POST", "/order", "", {"x-names": '"a, b",c', "x-days": DAYS})
    values = parse(TARGET, head, b"")
    assert (values["Names"], values["Days"]) == (["a, b", "c"], days)
    written = render(TARGET, {"Names": ["a, b", "c"], "Days": days}, "request-1").headers
    assert (written["x-names"], written["x-days"]) == ('"a, b", c', DAYS)
    empty = parse(TARGET, RequestHead("POST", "/order", "", {"x-names": ""}), b"")
    assert empty["Names"] == []
