"""Reasons and wording of decisions, trust policies, and laws that hold for all policies."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.access.documents import parse_policy, parse_trust_policy
from clary.access.evaluation import AccessRequest, Decision, PolicySet, evaluate, evaluate_trust, matches
from clary.access.principals import Principal, role_session, root_principal, service_principal, user_principal
from tests.access.documents import allow, deny, policy, text_of

HOME, AWAY = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{HOME}:role/Trainer"
ALICE = user_principal(f"arn:aws:iam::{HOME}:user/alice", "AIDAALICE00000000000")
MALLORY = user_principal(f"arn:aws:iam::{AWAY}:user/mallory", "AIDAMALLORY000000000")
SESSION = role_session(f"arn:aws:iam::{HOME}:role/Other", "AROAOTHER00000000000", "s")
SAGEMAKER = service_principal("sagemaker.amazonaws.com", HOME)
ENDPOINT = f"arn:aws:sagemaker:us-east-1:{HOME}:endpoint/e"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return parse_policy(text_of(policy(*statements)))


def ask(**policies: Any) -> Decision:
    request = AccessRequest(ALICE, "sagemaker:InvokeEndpoint", ENDPOINT, {})
    return evaluate(request, PolicySet(**policies))


REFUSAL = f"User: {ALICE.arn} is not authorized to perform: sagemaker:InvokeEndpoint on resource: {ENDPOINT}"


@pytest.mark.parametrize(
    ("policies", "ending"),
    [
        ({}, "because no identity-based policy allows the sagemaker:InvokeEndpoint action"),
        (
            {"identity": [document(allow("*"))], "boundary": document(allow("s3:*"))},
            "because no permissions boundary allows the sagemaker:InvokeEndpoint action",
        ),
        (
            {"identity": [document(allow("*"))], "session": [document(allow("s3:*"))]},
            "because no session policy allows the sagemaker:InvokeEndpoint action",
        ),
        ({"identity": [document(deny("*"))]}, "with an explicit deny in an identity-based policy"),
        ({"boundary": document(deny("*"))}, "with an explicit deny in a permissions boundary"),
        ({"session": [document(deny("*"))]}, "with an explicit deny in a session policy"),
    ],
)
def test_the_message_says_who_what_and_why(policies: dict[str, Any], ending: str) -> None:
    request = AccessRequest(ALICE, "sagemaker:InvokeEndpoint", ENDPOINT, {})
    assert evaluate(request, PolicySet(**policies)).message(request) == f"{REFUSAL} {ending}"


def test_a_missing_resource_policy_is_named() -> None:
    request = AccessRequest(MALLORY, "sagemaker:InvokeEndpoint", ENDPOINT, {})
    decision = evaluate(request, PolicySet(identity=[document(allow("*"))]))
    assert decision.message(request).endswith(
        "because no resource-based policy allows the sagemaker:InvokeEndpoint action"
    )


def test_the_deciding_statement_is_given() -> None:
    wanted, other, refusing = allow("sagemaker:*"), allow("s3:*"), deny("sagemaker:Invoke*")
    assert ask(identity=[document(other, wanted)]).statement == wanted
    assert ask(identity=[document(other, wanted, refusing)]).statement == refusing
    assert ask(identity=[document(other)]).statement is None


def test_matches_lists_every_statement_that_fits() -> None:
    request = AccessRequest(ALICE, "sagemaker:InvokeEndpoint", ENDPOINT, {})
    policies = PolicySet(
        identity=[document(allow("s3:*")), document(allow("sagemaker:*"), deny("*"))], boundary=document(allow("*"))
    )
    found = [(match.source, match.number, match.allow) for match in matches(request, policies)]
    assert found == [
        ("identity-based policy", 1, True),
        ("identity-based policy", 1, False),
        ("permissions boundary", 0, True),
    ]


def trust(who: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": who, "Action": "sts:AssumeRole", **more}


def aws(*arns: str) -> dict[str, Any]:
    return {"AWS": list(arns)}


ASSUME = allow("sts:AssumeRole", resource=ROLE)
ROOT = root_principal(HOME)
EXTERNAL = {"StringEquals": {"sts:ExternalId": "42"}}

# who, what its own policies say, trust policy statements, context, expected
TRUST: list[tuple[str, Principal, list[dict[str, Any]], list[dict[str, Any]], dict[str, str], bool]] = [
    ("a trusted service", SAGEMAKER, [], [trust({"Service": "sagemaker.amazonaws.com"})], {}, True),
    ("an untrusted service", SAGEMAKER, [], [trust({"Service": "lambda.amazonaws.com"})], {}, False),
    ("a service among everyone", SAGEMAKER, [], [trust({"AWS": "*"})], {}, True),
    ("a service denied with everyone", SAGEMAKER, [], [trust({"Service": "sagemaker.amazonaws.com"}),
     trust({"AWS": "*"}, "Deny")], {}, False),
    ("one of several services", SAGEMAKER, [],
     [trust({"Service": ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]})], {}, True),
    ("a denied service", SAGEMAKER, [], [trust({"Service": "sagemaker.amazonaws.com"}),
     trust({"Service": "sagemaker.amazonaws.com"}, "Deny")], {}, False),
    ("named user without own policy", ALICE, [], [trust(aws(ALICE.arn))], {}, True),
    ("named user with denying own policy", ALICE, [deny("sts:*")], [trust(aws(ALICE.arn))], {}, False),
    ("account, user without own policy", ALICE, [], [trust(aws(HOME))], {}, False),
    ("account, user with own policy", ALICE, [ASSUME], [trust(aws(HOME))], {}, True),
    ("root ARN, user with own policy", ALICE, [ASSUME], [trust(aws(ROOT.arn))], {}, True),
    ("administrator, not trusted", ALICE, [allow("*")], [trust(aws(SESSION.role_arn or ""))], {}, False),
    ("root, account trusted", ROOT, [], [trust(aws(ROOT.arn))], {}, True),
    ("root, account not trusted", ROOT, [], [trust({"Service": "sagemaker.amazonaws.com"})], {}, False),
    ("root, denied", ROOT, [], [trust("*"), trust(aws(ROOT.arn), "Deny")], {}, False),
    ("everybody", ALICE, [], [trust("*")], {}, True),
    ("session of a trusted role", SESSION, [], [trust(aws(SESSION.role_arn or ""))], {}, True),
    ("a trusted session", SESSION, [], [trust(aws(SESSION.arn))], {}, True),
    ("another session", SESSION, [], [trust(aws(SESSION.arn + "2"))], {}, False),
    ("stranger, account trusted, own policy", MALLORY, [ASSUME], [trust(aws(AWAY))], {}, True),
    ("stranger, account trusted, no own policy", MALLORY, [], [trust(aws(AWAY))], {}, False),
    ("stranger named, no own policy", MALLORY, [], [trust(aws(MALLORY.arn))], {}, False),
    ("stranger, not trusted", MALLORY, [ASSUME], [trust(aws(HOME))], {}, False),
    ("condition holds", MALLORY, [ASSUME], [trust(aws(AWAY), Condition=EXTERNAL)], {"sts:externalid": "42"}, True),
    ("condition fails", MALLORY, [ASSUME], [trust(aws(AWAY), Condition=EXTERNAL)], {"sts:externalid": "1"}, False),
    ("condition key missing", MALLORY, [ASSUME], [trust(aws(AWAY), Condition=EXTERNAL)], {}, False),
    ("another action", SAGEMAKER, [],
     [{**trust({"Service": "sagemaker.amazonaws.com"}), "Action": "sts:TagSession"}], {}, False),
    ("every sts action", SAGEMAKER, [],
     [{**trust({"Service": "sagemaker.amazonaws.com"}), "Action": "sts:*"}], {}, True),
    ("service under its source account", SAGEMAKER, [], [trust({"Service": "sagemaker.amazonaws.com"},
     Condition={"StringEquals": {"aws:SourceAccount": HOME}})], {"aws:sourceaccount": HOME}, True),
    ("service under another source account", SAGEMAKER, [], [trust({"Service": "sagemaker.amazonaws.com"},
     Condition={"StringEquals": {"aws:SourceAccount": HOME}})], {"aws:sourceaccount": AWAY}, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("who", "own", "trusted", "context", "expected"), [row[1:] for row in TRUST], ids=[row[0] for row in TRUST]
)
def test_trust(
    who: Principal,
    own: list[dict[str, Any]],
    trusted: list[dict[str, Any]],
    context: dict[str, Any],
    expected: bool,
) -> None:
    policies = PolicySet(
        identity=[document(item) for item in own], resource=[parse_trust_policy(text_of(policy(*trusted)))]
    )
    assert evaluate_trust(AccessRequest(who, "sts:AssumeRole", ROLE, context), policies).allowed is expected


def test_no_trust_policy_at_all_trusts_nobody() -> None:
    request = AccessRequest(ROOT, "sts:AssumeRole", ROLE, {})
    assert not evaluate_trust(request, PolicySet(identity=[document(allow("*"))])).allowed


def test_a_session_policy_limits_what_roles_may_be_assumed() -> None:
    trusting = parse_trust_policy(text_of(policy(trust(aws(SESSION.role_arn or "")))))
    policies = PolicySet(session=[document(allow("s3:*"))], resource=[trusting])
    assert not evaluate_trust(AccessRequest(SESSION, "sts:AssumeRole", ROLE, {}), policies).allowed


_ACTIONS = st.sampled_from(["*", "sagemaker:*", "sagemaker:InvokeEndpoint", "s3:*", "sagemaker:Create*"])
_RESOURCES = st.sampled_from(["*", ENDPOINT, "arn:aws:sagemaker:*:*:endpoint/*", "arn:aws:s3:::b/*"])
_CONDITIONS = st.sampled_from(
    [
        None,
        {"StringEquals": {"aws:username": "alice"}},
        {"StringNotEquals": {"aws:username": "alice"}},
        {"Null": {"aws:TokenIssueTime": "true"}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    ]
)
_ALLOWS = st.builds(lambda a, r, c: allow(a, resource=r, when=c), _ACTIONS, _RESOURCES, _CONDITIONS)
_DENIES = st.builds(lambda a, r, c: deny(a, resource=r, when=c), _ACTIONS, _RESOURCES, _CONDITIONS)
_POLICIES = st.lists(st.one_of(_ALLOWS, _DENIES), min_size=1, max_size=4).map(lambda found: document(*found))
_SETS = st.builds(
    PolicySet,
    identity=st.lists(_POLICIES, max_size=3),
    boundary=st.none() | _POLICIES,
    session=st.none() | st.lists(_POLICIES, max_size=2),
)
_REQUESTS = st.builds(
    AccessRequest,
    st.sampled_from([ALICE, SESSION]),
    st.sampled_from(["sagemaker:InvokeEndpoint", "sagemaker:CreateModel", "s3:GetObject"]),
    st.sampled_from([ENDPOINT, "arn:aws:s3:::b/k"]),
    st.sampled_from([{}, {"aws:sourceip": "10.1.1.1"}, {"aws:sourceip": "9.9.9.9"}]),
)


def _with_identity(policies: PolicySet, extra: dict[str, Any]) -> PolicySet:
    return PolicySet([*policies.identity, extra], policies.boundary, policies.session, policies.resource)


@settings(max_examples=200, deadline=None)
@given(_REQUESTS, _SETS)
def test_a_matching_deny_always_wins(request: AccessRequest, policies: PolicySet) -> None:
    refused = evaluate(request, policies).reason == "explicitDeny"
    assert refused == any(not match.allow for match in matches(request, policies))
    assert evaluate(request, _with_identity(policies, document(deny("*")))).reason == "explicitDeny"


@settings(max_examples=200, deadline=None)
@given(_REQUESTS, _SETS, _ALLOWS)
def test_one_more_allow_never_forbids(request: AccessRequest, policies: PolicySet, extra: dict[str, Any]) -> None:
    before = evaluate(request, policies)
    after = evaluate(request, _with_identity(policies, document(extra)))
    assert after.allowed >= before.allowed
    assert (after.reason == "explicitDeny") == (before.reason == "explicitDeny")


@settings(max_examples=200, deadline=None)
@given(_REQUESTS, _SETS, _POLICIES)
def test_limits_never_allow_more(request: AccessRequest, policies: PolicySet, limit: dict[str, Any]) -> None:
    bounded = PolicySet(policies.identity, limit, policies.session, policies.resource)
    unbounded = PolicySet(policies.identity, None, policies.session, policies.resource)
    assert evaluate(request, bounded).allowed <= evaluate(request, unbounded).allowed
    held = PolicySet(policies.identity, policies.boundary, [limit], policies.resource)
    free = PolicySet(policies.identity, policies.boundary, None, policies.resource)
    assert evaluate(request, held).allowed <= evaluate(request, free).allowed


@settings(max_examples=200, deadline=None)
@given(_REQUESTS, _SETS)
def test_order_of_policies_does_not_matter(request: AccessRequest, policies: PolicySet) -> None:
    turned = PolicySet(list(reversed(policies.identity)), policies.boundary, policies.session, policies.resource)
    assert evaluate(request, policies).reason == evaluate(request, turned).reason


@settings(max_examples=200, deadline=None)
@given(_REQUESTS, _SETS)
def test_an_allowed_request_has_an_allowing_statement(request: AccessRequest, policies: PolicySet) -> None:
    if evaluate(request, policies).allowed:
        assert any(match.allow and match.source == "identity-based policy" for match in matches(request, policies))


def test_no_pattern_is_slow() -> None:
    hostile = "arn:aws:s3:::" + "*a" * 500 + "*b"
    request = AccessRequest(ALICE, "s3:GetObject", "arn:aws:s3:::" + "a" * 2000, {})
    started = time.monotonic()
    assert not evaluate(request, PolicySet(identity=[document(allow("*", resource=hostile))])).allowed
    # Backtracking would need longer than the age of the world; the figure only has to tell the two apart.
    assert time.monotonic() - started < 5
