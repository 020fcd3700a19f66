"""Filter policies of subscriptions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.events.filters import ATTRIBUTES, BODY, FilterError, compile_filter


def attribute(kind: str, value: str) -> dict[str, str]:
    return {"DataType": kind, "StringValue": value}


MESSAGE = {
    "store": attribute("String", "example_corp"),
    "price": attribute("Number", "210.75"),
    "interests": attribute("String.Array", '["rugby", "baseball", null]'),
    "ip": attribute("String", "10.0.0.7"),
}


@pytest.mark.parametrize(
    ("policy", "takes"),
    [
        ({"store": ["example_corp"]}, True),
        ({"store": ["Example_Corp"]}, False),
        ({"store": [{"equals-ignore-case": "Example_Corp"}]}, True),
        ({"store": [{"prefix": "exam"}]}, True),
        ({"store": [{"suffix": "inc"}]}, False),
        ({"store": [{"anything-but": ["example_corp"]}]}, False),
        ({"store": [{"anything-but": {"prefix": "other"}}]}, True),
        ({"store": [{"exists": False}]}, False),
        ({"color": [{"exists": False}]}, True),
        ({"color": [{"anything-but": ["red"]}]}, False),
        ({"price": [210.75]}, True),
        ({"price": ["210.75"]}, False),
        ({"price": [{"numeric": [">", 100, "<=", 210.75]}]}, True),
        ({"price": [{"numeric": ["<", 100]}]}, False),
        ({"interests": ["tennis", "rugby"]}, True),
        ({"interests": [None]}, True),
        ({"interests": [{"anything-but": ["rugby"]}]}, True),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"store": ["example_corp"], "price": [1]}, False),
        ({"$or": [{"store": ["x"]}, {"price": [210.75]}]}, True),
    ],
)
def test_filters_on_attributes(policy: dict[str, Any], takes: bool) -> None:
    assert compile_filter(json.dumps(policy), ATTRIBUTES).takes(MESSAGE, "") is takes


@pytest.mark.parametrize(
    ("policy", "takes"),
    [
        ({"order": {"state": ["paid"]}}, True),
        ({"order": {"state": ["open"]}}, False),
        ({"order": {"items": {"kind": ["b"]}}}, True),
        ({"order": {"missing": [{"exists": False}]}}, True),
        ({"ok": [True]}, True),
        ({"ok": [1]}, False),
    ],
)
def test_filters_on_the_body(policy: dict[str, Any], takes: bool) -> None:
    body = json.dumps({"ok": True, "order": {"state": "paid", "items": [{"kind": "a"}, {"kind": "b"}]}})
    compiled = compile_filter(json.dumps(policy), BODY)
    assert compiled.takes({}, body) is takes
    assert compiled.takes({}, "no JSON") is False


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"a": "b"}',
        '{"a": []}',
        '{"a": {"b": ["c"]}}',
        '{"a": [{"like": "x"}]}',
        '{"a": [{"numeric": ["~", 1]}]}',
        '{"a": [{"cidr": "x"}]}',
        '{"a": [{"prefix": "x", "suffix": "y"}]}',
        json.dumps({f"k{number}": ["x"] for number in range(6)}),
        json.dumps({f"k{number}": [str(n) for n in range(6)] for number in range(3)}),
    ],
)
def test_policies_that_are_none(text: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(text, ATTRIBUTES)
