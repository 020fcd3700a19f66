"""Every condition operator: values that fit, values that do not, missing keys, sets of values.

Each row is asked twice: as the condition of an Allow and as the condition of a Deny on top of an allow.
"""

from __future__ import annotations

from typing import Any

import pytest

from clary.access.documents import parse_policy
from clary.access.evaluation import AccessRequest, PolicySet, evaluate
from clary.access.operators import OPERATORS
from clary.access.principals import role_session
from tests.access.documents import allow, deny, policy, text_of

CALLER = role_session("arn:aws:iam::111122223333:role/r", "AROA1", "s")
KEY = "test:Key"
YES, NO = True, False

# operator, value(s) of the policy, value(s) of the request (None: the key is missing), holds
ROWS: list[tuple[str, Any, Any, bool]] = [
    ("StringEquals", "a", "a", YES),
    ("StringEquals", "a", "A", NO),
    ("StringEquals", "a", "ab", NO),
    ("StringEquals", ["a", "b"], "b", YES),
    ("StringEquals", ["a", "b"], "c", NO),
    ("StringEquals", "a*", "ab", NO),
    ("StringEquals", "a*", "a*", YES),
    ("StringEquals", "", "", YES),
    ("StringEquals", "a", None, NO),
    ("StringEquals", [], "a", NO),
    ("StringEquals", 5, "5", YES),
    ("StringEquals", True, "true", YES),
    ("StringEqualsIfExists", "a", None, YES),
    ("StringEqualsIfExists", "a", "a", YES),
    ("StringEqualsIfExists", "a", "b", NO),
    ("StringNotEquals", "a", "b", YES),
    ("StringNotEquals", "a", "a", NO),
    ("StringNotEquals", ["a", "b"], "b", NO),
    ("StringNotEquals", ["a", "b"], "c", YES),
    ("StringNotEquals", "a", None, YES),
    ("StringNotEqualsIfExists", "a", None, YES),
    ("StringNotEqualsIfExists", "a", "a", NO),
    ("StringEqualsIgnoreCase", "Ab", "aB", YES),
    ("StringEqualsIgnoreCase", "Ab", "ac", NO),
    ("StringEqualsIgnoreCase", "Ab", None, NO),
    ("StringNotEqualsIgnoreCase", "Ab", "aB", NO),
    ("StringNotEqualsIgnoreCase", "Ab", "c", YES),
    ("StringNotEqualsIgnoreCase", "Ab", None, YES),
    ("StringLike", "a*c", "abbc", YES),
    ("StringLike", "a*c", "ac", YES),
    ("StringLike", "a*c", "acd", NO),
    ("StringLike", "a?c", "abc", YES),
    ("StringLike", "a?c", "ac", NO),
    ("StringLike", ["x*", "a*"], "ab", YES),
    ("StringLike", "A*", "ab", NO),
    ("StringLike", "*", "", YES),
    ("StringLike", "*", None, NO),
    ("StringNotLike", "a*", "abc", NO),
    ("StringNotLike", "a*", "bc", YES),
    ("StringNotLike", ["a*", "b*"], "bc", NO),
    ("StringNotLike", "a*", None, YES),
    ("StringLike", "a*", None, NO),
    ("StringLikeIfExists", "a*", None, YES),
    ("NumericEquals", "5", "5.0", YES),
    ("NumericEquals", 5, "5", YES),
    ("NumericEquals", "5", "6", NO),
    ("NumericEquals", "5", "five", NO),
    ("NumericEquals", "5", None, NO),
    ("NumericEquals", "9007199254740993", "9007199254740992", NO),
    ("NumericNotEquals", "5", "6", YES),
    ("NumericNotEquals", "5", "5", NO),
    ("NumericNotEquals", "5", None, YES),
    ("NumericLessThan", "5", "4.9", YES),
    ("NumericLessThan", "5", "5", NO),
    ("NumericLessThan", "5", "-6", YES),
    ("NumericLessThan", "5", "NaN", NO),
    ("NumericLessThan", "5", None, NO),
    ("NumericLessThanIfExists", "5", None, YES),
    ("NumericLessThanEquals", "5", "5", YES),
    ("NumericLessThanEquals", "5", None, NO),
    ("NumericGreaterThan", "5", None, NO),
    ("NumericGreaterThanEquals", "5", None, NO),
    ("NumericLessThanEquals", "5", "5.1", NO),
    ("NumericGreaterThan", "5", "5.1", YES),
    ("NumericGreaterThan", "5", "5", NO),
    ("NumericGreaterThan", "5", "1e9", NO),
    ("NumericGreaterThanEquals", "5", "5", YES),
    ("NumericGreaterThanEquals", "5", "4", NO),
    ("NumericGreaterThanEquals", ["5", "3"], "4", YES),
    ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", YES),
    ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", YES),
    ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", YES),
    ("DateEquals", "2026-01-01", "2026-01-01T00:00:00Z", YES),
    ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", NO),
    ("DateEquals", "2026-01-01T00:00:00Z", "soon", NO),
    ("DateEquals", "2026-01-01T00:00:00Z", None, NO),
    ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", YES),
    ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", NO),
    ("DateNotEquals", "2026-01-01T00:00:00Z", None, YES),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", YES),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", NO),
    ("DateLessThan", "2026-01-01T00:00:00Z", None, NO),
    ("DateLessThanIfExists", "2026-01-01T00:00:00Z", None, YES),
    ("DateLessThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", YES),
    ("DateLessThanEquals", "2026-01-01T00:00:00Z", None, NO),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", None, NO),
    ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", None, NO),
    ("DateLessThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", NO),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", YES),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", NO),
    ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", YES),
    ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", NO),
    ("Bool", "true", "true", YES),
    ("Bool", True, "True", YES),
    ("Bool", "false", "true", NO),
    ("Bool", "true", "maybe", NO),
    ("Bool", "false", None, NO),
    ("ArnEquals", "arn:aws:iam::*:role/*", None, NO),
    ("BoolIfExists", "true", None, YES),
    ("BoolIfExists", "true", "false", NO),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", YES),
    ("BinaryEquals", "QmluYXJ5", "qmluYXJ5", NO),
    ("BinaryEquals", "QmluYXJ5", None, NO),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3", YES),
    ("IpAddress", "10.0.0.0/8", "11.1.2.3", NO),
    ("IpAddress", "10.1.2.3", "10.1.2.3", YES),
    ("IpAddress", "10.1.2.3/8", "10.9.9.9", YES),
    ("IpAddress", ["192.168.0.0/16", "10.0.0.0/8"], "10.0.0.1", YES),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", YES),
    ("IpAddress", "2001:db8::/32", "2001:db9::1", NO),
    ("IpAddress", "10.0.0.0/8", "::ffff:10.1.2.3", YES),
    ("IpAddress", "0.0.0.0/0", "2001:db8::1", NO),
    ("IpAddress", "10.0.0.0/8", "nowhere", NO),
    ("IpAddress", "10.0.0.0/8", None, NO),
    ("NotIpAddress", "10.0.0.0/8", "11.1.2.3", YES),
    ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", NO),
    ("NotIpAddress", "10.0.0.0/8", None, YES),
    ("NotIpAddress", ["10.0.0.0/8", "11.0.0.0/8"], "11.1.2.3", NO),
    ("ArnEquals", "arn:aws:sns:us-east-1:111122223333:t", "arn:aws:sns:us-east-1:111122223333:t", YES),
    ("ArnEquals", "arn:aws:sns:*:111122223333:t*", "arn:aws:sns:us-east-1:111122223333:topic", YES),
    ("ArnEquals", "arn:aws:sns:*:111122223333:t", "arn:aws:sns:us-east-1:444455556666:t", NO),
    ("ArnLike", "arn:aws:*:t", "arn:aws:sns:us-east-1:111122223333:t", NO),
    ("ArnLike", "arn:aws:sns:*:*:a:b", "arn:aws:sns:us-east-1:111122223333:a:b", YES),
    ("ArnLike", "arn:aws:sns:*:*:*", "arn:aws:sns:us-east-1:111122223333:a:b", YES),
    ("ArnLike", "arn:aws:iam::*:role/*", "arn:aws:iam::111122223333:role/a/b", YES),
    ("ArnLike", "arn:aws:iam::*:role/*", "not an arn", NO),
    ("ArnLike", "arn:aws:iam::*:role/*", None, NO),
    ("ArnLikeIfExists", "arn:aws:iam::*:role/*", None, YES),
    ("ArnNotEquals", "arn:aws:iam::*:role/a", "arn:aws:iam::111122223333:role/a", NO),
    ("ArnNotEquals", "arn:aws:iam::*:role/a", "arn:aws:iam::111122223333:role/b", YES),
    ("ArnNotEquals", "arn:aws:iam::*:role/a", None, YES),
    ("ArnNotLike", "arn:aws:iam::*:role/a*", "arn:aws:iam::111122223333:role/ab", NO),
    ("ArnNotLike", "arn:aws:iam::*:role/a*", "arn:aws:iam::111122223333:role/b", YES),
    ("ArnNotLike", "arn:aws:iam::*:role/a*", None, YES),
    ("Null", "true", None, YES),
    ("Null", "true", "a", NO),
    ("Null", "false", None, NO),
    ("Null", "false", "a", YES),
    ("Null", True, None, YES),
    ("Null", "true", [], YES),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], YES),
    ("ForAllValues:StringEquals", ["a", "b"], ["a"], YES),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], NO),
    ("ForAllValues:StringEquals", ["a", "b"], [], YES),
    ("ForAllValues:StringEquals", ["a", "b"], None, YES),
    ("ForAllValues:StringLike", ["a*"], ["ab", "ac"], YES),
    ("ForAllValues:StringLike", ["a*"], ["ab", "bc"], NO),
    ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], YES),
    ("ForAllValues:StringNotEquals", ["a"], ["a", "b"], NO),
    ("ForAllValues:StringNotEquals", ["a"], None, YES),
    ("ForAllValues:NumericLessThan", "5", ["1", "4"], YES),
    ("ForAllValues:NumericLessThan", "5", ["1", "6"], NO),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], YES),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c", "d"], NO),
    ("ForAnyValue:StringEquals", ["a"], "a", YES),
    ("ForAnyValue:StringEquals", ["a"], [], NO),
    ("ForAnyValue:StringEquals", ["a"], None, NO),
    ("ForAnyValue:StringEqualsIfExists", ["a"], None, YES),
    ("ForAnyValue:StringNotEquals", ["a"], ["a", "b"], YES),
    ("ForAnyValue:StringNotEquals", ["a"], ["a"], NO),
    ("ForAnyValue:StringNotEquals", ["a"], None, NO),
    ("ForAnyValue:StringLike", ["x*"], ["ab", "xb"], YES),
    ("ForAnyValue:IpAddress", ["10.0.0.0/8"], ["1.1.1.1", "10.0.0.1"], YES),
    ("StringEquals", ["a"], ["a", "b"], YES),
    ("StringNotEquals", ["a"], ["a", "b"], NO),
]


def ask(statements: list[dict[str, Any]], context: dict[str, Any]) -> bool:
    document = parse_policy(text_of(policy(*statements)))
    return evaluate(AccessRequest(CALLER, "s3:GetObject", "*", context), PolicySet(identity=[document])).allowed


@pytest.mark.parametrize(("operator", "wanted", "given", "holds"), ROWS)
def test_operator(operator: str, wanted: Any, given: Any, holds: bool) -> None:
    context = {} if given is None else {KEY.lower(): given}
    condition = {operator: {KEY: wanted}}
    assert ask([allow("*", when=condition)], context) is holds
    assert ask([allow("*"), deny("*", when=condition)], context) is not holds


def test_every_operator_is_in_the_table() -> None:
    plain = {row[0] for row in ROWS}
    assert OPERATORS.keys() <= plain


def test_every_operator_is_asked_for_a_missing_key() -> None:
    missing = {row[0] for row in ROWS if row[2] is None}
    assert OPERATORS.keys() | {"Null"} <= missing


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"aws:a": "1", "aws:b": "2"}, True),
        ({"aws:a": "1", "aws:b": "3"}, False),
        ({"aws:a": "0", "aws:b": "2"}, False),
        ({"aws:a": "1"}, False),
        ({}, False),
    ],
)
def test_all_keys_and_all_operators_must_hold(context: dict[str, str], expected: bool) -> None:
    both_keys = {"StringEquals": {"aws:a": "1", "aws:b": "2"}}
    both_operators = {"StringEquals": {"aws:a": "1"}, "NumericEquals": {"aws:b": "2"}}
    assert ask([allow("*", when=both_keys)], context) is expected
    assert ask([allow("*", when=both_operators)], context) is expected


def test_keys_have_no_case() -> None:
    assert ask([allow("*", when={"StringEquals": {"AWS:RequestTag/TEAM": "x"}})], {"aws:requesttag/team": "x"})


@pytest.mark.parametrize(
    ("key", "value", "holds"),
    [
        ("aws:PrincipalArn", "arn:aws:iam::111122223333:role/r", True),
        ("aws:PrincipalArn", "arn:aws:sts::111122223333:assumed-role/r/s", False),
        ("aws:PrincipalAccount", "111122223333", True),
        ("aws:userid", "AROA1:s", True),
        ("aws:PrincipalType", "AssumedRole", True),
        ("aws:PrincipalIsAWSService", "false", True),
    ],
)
def test_keys_of_the_caller_need_not_be_given(key: str, value: str, holds: bool) -> None:
    assert ask([allow("*", when={"StringEquals": {key: value}})], {}) is holds
