"""The documented examples of every alternative, and that hostile patterns and events stay cheap."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.events.patterns import InvalidEventPattern, compile_pattern, matches

EVENT = {
    "version": "0",
    "source": "aws.ec2",
    "detail-type": "EC2 Instance State-change Notification",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-0123", "second"],
    "detail": {
        "state": "terminated",
        "responsible": None,
        "empty": "",
        "count": 5,
        "ratio": 2.5,
        "yes": True,
        "address": "10.0.0.7",
        "file": "dir/data-1.PNG",
        "nothing": [],
        "items": [{"id": 1, "kind": "a"}, {"id": 2, "kind": "b"}],
    },
}


def fits(detail: dict[str, Any]) -> bool:
    return matches(compile_pattern(json.dumps({"detail": detail})), EVENT)


@pytest.mark.parametrize(
    ("detail", "wanted"),
    [
        ({"state": ["terminated"]}, True),
        ({"state": ["running", "terminated"]}, True),
        ({"state": ["Terminated"]}, False),
        ({"responsible": [None]}, True),
        ({"empty": [""]}, True),
        ({"empty": [None]}, False),
        ({"count": [5]}, True),
        ({"count": ["5"]}, False),
        ({"count": [5.0]}, False),
        ({"count": [True]}, False),
        ({"yes": [True]}, True),
        ({"yes": [1]}, False),
        ({"state": [{"prefix": "term"}]}, True),
        ({"state": [{"prefix": "Term"}]}, False),
        ({"state": [{"prefix": {"equals-ignore-case": "TERM"}}]}, True),
        ({"file": [{"suffix": ".PNG"}]}, True),
        ({"file": [{"suffix": ".png"}]}, False),
        ({"file": [{"suffix": {"equals-ignore-case": ".png"}}]}, True),
        ({"state": [{"equals-ignore-case": "TERMINATED"}]}, True),
        ({"file": [{"wildcard": "dir/*.PNG"}]}, True),
        ({"file": [{"wildcard": "*a-1*"}]}, True),
        ({"file": [{"wildcard": "dir/*.png"}]}, False),
        ({"file": [{"wildcard": "dir\\*"}]}, False),
        ({"state": [{"anything-but": "running"}]}, True),
        ({"state": [{"anything-but": ["running", "terminated"]}]}, False),
        ({"count": [{"anything-but": [1, 2]}]}, True),
        ({"count": [{"anything-but": 5}]}, False),
        ({"state": [{"anything-but": {"prefix": "term"}}]}, False),
        ({"state": [{"anything-but": {"prefix": ["run", "stop"]}}]}, True),
        ({"file": [{"anything-but": {"suffix": [".png", ".jpg"]}}]}, True),
        ({"file": [{"anything-but": {"wildcard": "dir/*"}}]}, False),
        ({"state": [{"anything-but": {"equals-ignore-case": ["TERMINATED"]}}]}, False),
        ({"missing": [{"anything-but": "x"}]}, False),
        ({"count": [{"numeric": [">", 0, "<=", 5]}]}, True),
        ({"count": [{"numeric": [">", 5]}]}, False),
        ({"ratio": [{"numeric": ["=", 2.5]}]}, True),
        ({"state": [{"numeric": ["=", 2.5]}]}, False),
        ({"yes": [{"numeric": ["=", 1]}]}, False),
        ({"address": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"address": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"address": [{"cidr": "2001:db8::/32"}]}, False),
        ({"state": [{"exists": True}]}, True),
        ({"state": [{"exists": False}]}, False),
        ({"missing": [{"exists": False}]}, True),
        ({"missing": [{"exists": True}]}, False),
        ({"nothing": [{"exists": False}]}, True),
        ({"far": {"away": [{"exists": False}]}}, True),
        ({"missing": [{"exists": False}, "x"], "count": [5]}, True),
        ({"$or": [{"state": ["running"]}, {"count": [{"numeric": ["=", 5]}]}]}, True),
        ({"$or": [{"state": ["running"]}, {"count": [6]}]}, False),
        ({"$or": [{"state": ["terminated"]}, {"count": [6]}], "empty": ["x"]}, False),
        ({"items": {"id": [2], "kind": ["b"]}}, True),
        ({"items": {"id": [1], "kind": ["b"]}}, False),
    ],
)
def test_alternatives(detail: dict[str, Any], wanted: bool) -> None:
    assert fits(detail) is wanted


def test_arrays_of_events_match_any() -> None:
    assert matches(compile_pattern('{"resources": ["second", "third"]}'), EVENT)
    assert not matches(compile_pattern('{"resources": ["third"]}'), EVENT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"a": 1}',
        '{"a": []}',
        '{"a": {}}',
        '{"a": [[1]]}',
        '{"a": [{"unknown": 1}]}',
        '{"a": [{"prefix": 1}]}',
        '{"a": [{"prefix": "x", "suffix": "y"}]}',
        '{"a": [{"wildcard": "a**b"}]}',
        '{"a": [{"wildcard": "a\\\\b"}]}',
        '{"a": [{"numeric": []}]}',
        '{"a": [{"numeric": [">", "1"]}]}',
        '{"a": [{"numeric": [">", 5, "<", 1]}]}',
        '{"a": [{"numeric": ["!", 5]}]}',
        '{"a": [{"numeric": [["x"], 5]}]}',
        '{"a": [{"exists": "true"}]}',
        '{"a": [{"cidr": "10.0.0.0/99"}]}',
        '{"a": [{"anything-but": []}]}',
        '{"a": [{"anything-but": {"numeric": ["=", 1]}}]}',
        '{"a":' * 900 + "1" + "}" * 900,
        "[" * 4000,
    ],
)
def test_patterns_that_are_none(text: str) -> None:
    with pytest.raises(InvalidEventPattern, match="Event pattern is not valid"):
        compile_pattern(text)


def test_hostile_wildcards_are_cheap() -> None:
    pattern = compile_pattern(json.dumps({"a": [{"wildcard": "*".join(["a"] * 1000) + "b"}]}))
    begun = time.process_time()
    assert not matches(pattern, {"a": "a" * 200_000})
    assert time.process_time() - begun < 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(JSON, JSON)
def test_any_document_is_refused_or_matched(pattern: Any, event: Any) -> None:
    try:
        compiled = compile_pattern(json.dumps(pattern))
    except InvalidEventPattern:
        return
    assert matches(compiled, {"detail": event}) in {True, False}


@given(st.text(alphabet="ab*", max_size=12).filter(lambda t: "**" not in t), st.text(alphabet="ab", max_size=12))
def test_wildcards_agree_with_a_slow_matcher(pattern: str, value: str) -> None:
    def slow(p: str, v: str) -> bool:
        if not p:
            return not v
        if p[0] == "*":
            return any(slow(p[1:], v[i:]) for i in range(len(v) + 1))
        return bool(v) and v[0] == p[0] and slow(p[1:], v[1:])

    compiled = compile_pattern(json.dumps({"a": [{"wildcard": pattern}]}))
    assert matches(compiled, {"a": value}) is slow(pattern, value)
