"""What targets get: whole events, parts, fixed texts and templates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.events.transformers import Origin, check_input, render

EVENT: dict[str, Any] = {
    "id": "1",
    "source": "my.app",
    "resources": ["arn:one"],
    "detail": {"name": 'a "b"', "count": 3, "list": [{"id": 1}, {"id": 2}]},
}
ORIGIN = Origin("arn:rule", "rule", "2026-01-01T00:00:00Z")


def filled(template: str, **paths: str) -> str:
    target = {"Id": "x", "InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}
    check_input(target)
    return render(target, EVENT, ORIGIN)


def test_the_whole_a_part_and_a_fixed_text() -> None:
    assert json.loads(render({}, EVENT, ORIGIN)) == EVENT
    assert json.loads(render({"InputPath": "$.detail.list[1]"}, EVENT, ORIGIN)) == {"id": 2}
    assert render({"Input": '{"a": 1}'}, EVENT, ORIGIN) == '{"a": 1}'


def test_values_are_json_outside_of_quotes_and_text_inside() -> None:
    found = filled(
        '{"n": <name>, "text": "is <name> of <count>", "c": <count>}', name="$.detail.name", count="$.detail.count"
    )
    assert json.loads(found) == {"n": 'a "b"', "text": 'is a "b" of 3', "c": 3}


def test_text_templates_and_missing_values() -> None:
    assert filled('"<who> did <what>"', who="$.source", what="$.detail.none") == '"my.app did "'
    assert json.loads(filled('{"a": <what>}', what="$.detail.none")) == {"a": None}
    assert json.loads(filled("<ids>", ids="$.detail.list[*].id")) == [1, 2]


def test_reserved_names() -> None:
    assert json.loads(filled('{"rule": "<aws.events.rule-name>", "arn": <aws.events.rule-arn>}')) == {
        "rule": "rule",
        "arn": "arn:rule",
    }
    assert json.loads(filled('{"e": <aws.events.event.json>}'))["e"] == EVENT
    assert "detail" not in json.loads(filled('{"e": <aws.events.event>}'))["e"]


@given(st.text(max_size=40))
def test_no_value_breaks_the_json(value: str) -> None:
    target = {
        "Id": "x",
        "InputTransformer": {"InputPathsMap": {"v": "$.detail.v"}, "InputTemplate": '{"a": "<v>", "b": <v>}'},
    }
    assert json.loads(render(target, {"detail": {"v": value}}, ORIGIN)) == {"a": value, "b": value}


@pytest.mark.parametrize(
    "target",
    [
        {"Input": "{"},
        {"InputPath": "detail"},
        {"InputPath": "$.detail", "Input": "{}"},
        {"InputTransformer": {"InputPathsMap": {"aws.x": "$.a"}, "InputTemplate": "<aws.x>"}},
        {"InputTransformer": {"InputPathsMap": {"x": "$..a"}, "InputTemplate": "<x>"}},
        {"InputTransformer": {"InputPathsMap": {"x": "$.a"}, "InputTemplate": "<y>"}},
        {"InputTransformer": {"InputPathsMap": {"x": "$.a"}, "InputTemplate": '{"a": <x>'}},
    ],
)
def test_what_cannot_be_used(target: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check_input({"Id": "x", **target})
