"""What a policy text may say, and what is said about texts that may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.access.documents import (
    MalformedPolicyDocument,
    parse_policy,
    parse_resource_policy,
    parse_trust_policy,
)
from clary.access.evaluation import AccessRequest, PolicySet, evaluate
from clary.access.principals import user_principal
from tests.access.documents import allow, policy, text_of

GOOD = allow("s3:GetObject")

MALFORMED: list[tuple[str, Any, str]] = [
    ("no object", [], "JSON object"),
    ("no statement", {"Version": "2012-10-17"}, "Statement is required"),
    ("empty statement list", policy(), "Statement is required"),
    ("statement is text", {"Statement": "x"}, "Statement is required"),
    ("statement list of text", {"Statement": ["x"]}, "statement 1 is not a JSON object"),
    ("version", {"Version": "2013-01-01", "Statement": [GOOD]}, "Version"),
    ("top element", {**policy(GOOD), "Extra": 1}, "unknown element Extra"),
    ("statement element", policy({**GOOD, "Extra": 1}), "unknown element Extra in statement 1"),
    ("second statement", policy(GOOD, {**GOOD, "Effect": "Maybe"}), "Effect of statement 2"),
    ("lower-case effect", policy({**GOOD, "Effect": "allow"}), "Allow or Deny"),
    ("no effect", policy({"Action": "s3:*", "Resource": "*"}), "Effect"),
    ("no action", policy({"Effect": "Allow", "Resource": "*"}), "must contain actions"),
    ("empty actions", policy({**GOOD, "Action": []}), "must contain actions"),
    ("number as action", policy({**GOOD, "Action": 1}), "must be strings"),
    ("both actions", policy({**GOOD, "NotAction": "s3:*"}), "both Action and NotAction"),
    ("action without service", policy({**GOOD, "Action": "GetObject"}), "prefaced by a vendor"),
    ("action with space", policy({**GOOD, "Action": "s3:Get Object"}), "prefaced by a vendor"),
    ("no resource", policy({"Effect": "Allow", "Action": "s3:*"}), "must contain resources"),
    ("both resources", policy({**GOOD, "NotResource": "*"}), "both Resource and NotResource"),
    ("resource is no ARN", policy({**GOOD, "Resource": "bucket"}), "must be in ARN format"),
    ("resource is half an ARN", policy({**GOOD, "Resource": "arn:aws:s3"}), "must be in ARN format"),
    ("a principal", policy({**GOOD, "Principal": "*"}), "should not specify a principal"),
    ("sid with space", policy({**GOOD, "Sid": "a b"}), "alpha-numeric"),
    ("sid is a number", policy({**GOOD, "Sid": 5}), "must be a string"),
    ("sid twice", policy({**GOOD, "Sid": "a"}, {**GOOD, "Sid": "a"}), "must be unique"),
    ("condition is text", policy({**GOOD, "Condition": "x"}), "Condition of statement 1"),
    (
        "unknown operator",
        policy({**GOOD, "Condition": {"Like": {"aws:x": "y"}}}),
        "unknown condition operator 'Like'",
    ),
    ("operator in lower case", policy({**GOOD, "Condition": {"bool": {"aws:x": "true"}}}), "unknown condition"),
    ("unknown qualifier", policy({**GOOD, "Condition": {"ForSome:Bool": {"aws:x": "true"}}}), "unknown condition"),
    ("NullIfExists", policy({**GOOD, "Condition": {"NullIfExists": {"aws:x": "true"}}}), "unknown condition"),
    ("operator without keys", policy({**GOOD, "Condition": {"Bool": "true"}}), "Bool in statement 1"),
    ("key without service", policy({**GOOD, "Condition": {"Bool": {"x": "true"}}}), "prefaced by a vendor"),
    ("object as value", policy({**GOOD, "Condition": {"Bool": {"aws:x": {}}}}), "strings, numbers or booleans"),
    ("null as value", policy({**GOOD, "Condition": {"Bool": {"aws:x": None}}}), "strings, numbers or booleans"),
    ("wrong number", policy({**GOOD, "Condition": {"NumericEquals": {"aws:x": "y"}}}), "'y' is not a number"),
    ("wrong date", policy({**GOOD, "Condition": {"DateEquals": {"aws:x": "soon"}}}), "soon"),
    ("wrong flag", policy({**GOOD, "Condition": {"Bool": {"aws:x": "yes"}}}), "'yes' is not true or false"),
    ("wrong network", policy({**GOOD, "Condition": {"IpAddress": {"aws:x": "10.0.0.0/99"}}}), "10.0.0.0/99"),
]


@pytest.mark.parametrize(("document", "complaint"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_the_error_says_what_is_wrong(document: Any, complaint: str) -> None:
    with pytest.raises(MalformedPolicyDocument) as caught:
        parse_policy(json.dumps(document))
    assert complaint in caught.value.message
    assert (caught.value.code, caught.value.status) == ("MalformedPolicyDocument", 400)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "{",
        "null",
        "NaN",
        '{"Statement": NaN}',
        "[" * 100_000,
        '{"Statement": [], "Statement": []}',
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Effect": "Deny"}]}',
        " " * 200_000,
    ],
)
def test_hostile_texts(text: str) -> None:
    with pytest.raises(MalformedPolicyDocument):
        parse_policy(text)


@pytest.mark.parametrize(
    "document",
    [
        policy(GOOD),
        {"Statement": GOOD},
        {"Version": "2008-10-17", "Id": "x", "Statement": [GOOD]},
        policy({**GOOD, "Sid": "First1"}, {**GOOD, "Sid": ""}),
        policy({**GOOD, "Resource": "arn:aws:s3:::${aws:username}/*"}),
        policy({**GOOD, "Resource": "arn:aws:s3:::*"}),
        policy({**GOOD, "Condition": {"NumericEquals": {"aws:x": "${aws:y}"}}}),
        policy({**GOOD, "Condition": {}}),
        policy({"Effect": "Deny", "NotAction": ["iam:*"], "NotResource": ["arn:aws:s3:::b"]}),
    ],
)
def test_good_policies_are_kept_as_they_are(document: dict[str, Any]) -> None:
    assert parse_policy(text_of(document)) == document


TRUSTING = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"Resource": "*"}, "prohibited field Resource"),
        ({"Action": "s3:GetObject"}, "STS AssumeRole actions"),
        ({"Principal": {}}, "Invalid principal"),
        ({"Principal": []}, "Invalid principal"),
        ({"Principal": "arn:aws:iam::111122223333:root"}, "Invalid principal"),
        ({"Principal": {"Machine": "x"}}, "Machine"),
        ({"Principal": {"AWS": "alice"}}, '"AWS":"alice"'),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}}, "Invalid principal"),
        ({"Principal": {"AWS": []}}, "Invalid principal"),
    ],
)
def test_malformed_trust(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(MalformedPolicyDocument, match=complaint):
        parse_trust_policy(text_of(policy({**TRUSTING, **changes})))


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": "111122223333"},
        {"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/service-role/x"]},
        {"AWS": "arn:aws:sts::111122223333:assumed-role/x/session"},
        {"Service": ["sagemaker.amazonaws.com"], "AWS": "111122223333"},
        {"Federated": "cognito-identity.amazonaws.com"},
    ],
)
def test_good_trust(principal: Any) -> None:
    document = policy({**TRUSTING, "Principal": principal})
    assert parse_trust_policy(text_of(document)) == document


def test_trust_and_resource_policies_need_a_principal() -> None:
    for parse in (parse_trust_policy, parse_resource_policy):
        with pytest.raises(MalformedPolicyDocument, match="Principal"):
            parse(text_of(policy({"Effect": "Allow", "Action": "sts:AssumeRole"})))


def test_allow_with_not_principal_is_refused() -> None:
    statement = {"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:*", "Resource": "*"}
    with pytest.raises(MalformedPolicyDocument, match="NotPrincipal"):
        parse_resource_policy(text_of(policy(statement)))
    parse_resource_policy(text_of(policy({**statement, "Effect": "Deny"})))


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"]
)
_VALUES = st.one_of(
    _JSON,
    st.sampled_from(
        [
            "Allow", "Deny", "*", "s3:*", ["s3:Get*"], "arn:aws:s3:::${aws:username}/*", {"AWS": "*"},
            {"StringLike": {"aws:x": "${aws:username}*"}}, {"Bool": {"aws:x": [True]}},
        ]
    ),
)  # fmt: skip
_STATEMENTS = st.dictionaries(_NAMES, _VALUES, max_size=6)


@settings(max_examples=300, deadline=None)
@given(st.lists(_STATEMENTS, max_size=3))
def test_any_document_is_refused_or_can_be_evaluated(statements: list[dict[str, Any]]) -> None:
    request = AccessRequest(user_principal("arn:aws:iam::111122223333:user/a", "AIDA1"), "s3:GetObject", "*", {})
    text = text_of(policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, *statements))
    for parse in (parse_policy, parse_trust_policy, parse_resource_policy):
        try:
            document = parse(text)
        except MalformedPolicyDocument:
            continue
        evaluate(request, PolicySet(identity=[document]))
        evaluate(request, PolicySet(resource=[document]))
