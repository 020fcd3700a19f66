"""The decision table: who asks for what under which policies, and what must come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from clary.access.documents import parse_policy, parse_resource_policy
from clary.access.evaluation import AccessRequest, PolicySet, evaluate
from clary.access.principals import (
    ANONYMOUS,
    Principal,
    role_session,
    root_principal,
    service_principal,
    user_principal,
)
from tests.access.documents import allow, deny, policy, text_of

HOME = "111122223333"
AWAY = "444455556666"
ROOT = root_principal(HOME)
ALICE = user_principal(f"arn:aws:iam::{HOME}:user/staff/alice", "AIDAALICE00000000000")
SESSION = role_session(f"arn:aws:iam::{HOME}:role/service-role/Trainer", "AROATRAINER000000000", "job-1")
STRANGER = user_principal(f"arn:aws:iam::{AWAY}:user/mallory", "AIDAMALLORY000000000")
SAGEMAKER = service_principal("sagemaker.amazonaws.com", HOME)

ENDPOINT = f"arn:aws:sagemaker:us-east-1:{HOME}:endpoint/fraud-1"
JOB = f"arn:aws:sagemaker:us-east-1:{HOME}:training-job/fraud-1"
OBJECT = "arn:aws:s3:::team-data/alice/train.csv"
FOREIGN = f"arn:aws:sagemaker:us-east-1:{AWAY}:endpoint/fraud-1"
INVOKE = "sagemaker:InvokeEndpoint"
GET = "s3:GetObject"

ALLOWED, DENIED, REFUSED = "allowed", "implicitDeny", "explicitDeny"


@dataclass(frozen=True)
class Case:
    name: str
    expected: str
    identity: list[dict[str, Any]] = field(default_factory=list)
    action: str = INVOKE
    resource: str = ENDPOINT
    principal: Principal = SESSION
    context: dict[str, str | list[str]] = field(default_factory=dict)
    boundary: dict[str, Any] | None = None
    session: list[dict[str, Any]] | None = None
    resource_policy: dict[str, Any] | None = None


ALL = allow("*")
NOBODY = allow("s3:ListBucket")


def decide(case: Case) -> str:
    policies = PolicySet(
        identity=[parse_policy(text_of(policy(statement))) for statement in case.identity],
        boundary=parse_policy(text_of(policy(case.boundary))) if case.boundary else None,
        session=None if case.session is None else [parse_policy(text_of(policy(item))) for item in case.session],
        resource=[parse_resource_policy(text_of(policy(case.resource_policy)))] if case.resource_policy else [],
    )
    decision = evaluate(AccessRequest(case.principal, case.action, case.resource, case.context), policies)
    assert decision.allowed == (decision.reason == "allowed")
    return decision.reason


BASICS = [
    Case("no policy at all", DENIED),
    Case("an allow", ALLOWED, [allow(INVOKE)]),
    Case("an allow of something else", DENIED, [allow("sagemaker:DescribeEndpoint")]),
    Case("an allow of another service's action", DENIED, [allow("s3:InvokeEndpoint")]),
    Case("the second policy allows", ALLOWED, [NOBODY, allow(INVOKE)]),
    Case("deny beats allow", REFUSED, [allow(INVOKE), deny(INVOKE)]),
    Case("deny beats allow, whatever the order", REFUSED, [deny(INVOKE), allow(INVOKE)]),
    Case("deny of everything beats allow of everything", REFUSED, [ALL, deny("*")]),
    Case("deny of another action does not matter", ALLOWED, [ALL, deny("sagemaker:DeleteEndpoint")]),
    Case("deny of another resource does not matter", ALLOWED, [ALL, deny("*", resource=JOB)]),
    Case("deny alone", REFUSED, [deny(INVOKE)]),
    Case("allow on this resource", ALLOWED, [allow(INVOKE, resource=ENDPOINT)]),
    Case("allow on another resource", DENIED, [allow(INVOKE, resource=ENDPOINT + "x")]),
    Case("one of several actions", ALLOWED, [allow(["s3:GetObject", INVOKE])]),
    Case("one of several resources", ALLOWED, [allow(INVOKE, resource=[JOB, ENDPOINT])]),
    Case("none of several resources", DENIED, [allow(INVOKE, resource=[JOB, FOREIGN])]),
    Case("actions have no case", ALLOWED, [allow("SageMaker:invokeendpoint")]),
    Case("resources have case", DENIED, [allow(INVOKE, resource=ENDPOINT.replace("fraud", "Fraud"))]),
    Case("a user is held to the same rules", DENIED, [NOBODY], principal=ALICE),
    Case("a user may", ALLOWED, [allow(INVOKE)], principal=ALICE),
    Case("root may do anything at home", ALLOWED, principal=ROOT),
    Case("nothing locks root out at home", ALLOWED, [deny("*")], principal=ROOT),
    Case("root may not act abroad", DENIED, principal=ROOT, resource=FOREIGN),
    Case("nobody may nothing", DENIED, principal=ANONYMOUS),
    Case("a service has no policies of its own", DENIED, principal=SAGEMAKER),
]

WILDCARDS = [
    Case("star action", ALLOWED, [allow("*")]),
    Case("service star", ALLOWED, [allow("sagemaker:*")]),
    Case("another service's star", DENIED, [allow("s3:*")]),
    Case("verb star", ALLOWED, [allow("sagemaker:Invoke*")]),
    Case("star in front", ALLOWED, [allow("sagemaker:*Endpoint")]),
    Case("star in front, other end", DENIED, [allow("sagemaker:*EndpointAsync")]),
    Case("star in the middle", ALLOWED, [allow("sagemaker:I*Endpoint")]),
    Case("stars around", ALLOWED, [allow("sagemaker:*voke*")]),
    Case("a star may be empty", ALLOWED, [allow("sagemaker:InvokeEndpoint*")]),
    Case("question mark is one character", ALLOWED, [allow("sagemaker:InvokeEndpoin?")]),
    Case("question mark is not none", DENIED, [allow("sagemaker:InvokeEndpoint?")]),
    Case("star resource", ALLOWED, [allow(INVOKE, resource="*")]),
    Case("resource prefix", ALLOWED, [allow(INVOKE, resource=ENDPOINT[:-7] + "*")]),
    Case("resource type", DENIED, [allow(INVOKE, resource=f"arn:aws:sagemaker:*:{HOME}:training-job/*")]),
    Case("any region", ALLOWED, [allow(INVOKE, resource=f"arn:aws:sagemaker:*:{HOME}:endpoint/fraud-1")]),
    Case("another region", DENIED, [allow(INVOKE, resource=f"arn:aws:sagemaker:eu-west-1:{HOME}:endpoint/*")]),
    Case("another account", DENIED, [allow(INVOKE, resource=f"arn:aws:sagemaker:*:{AWAY}:endpoint/*")]),
    Case("question marks in a resource", ALLOWED, [allow(INVOKE, resource=ENDPOINT.replace("fraud", "?????"))]),
    Case("too many question marks", DENIED, [allow(INVOKE, resource=ENDPOINT.replace("fraud", "??????"))]),
    Case("a trailing star crosses colons", ALLOWED, [allow(INVOKE, resource="arn:aws:sagemaker:*")]),
    Case("a star crosses slashes", ALLOWED, [allow(GET, resource="arn:aws:s3:::team-data/*.csv")], GET, OBJECT),
    Case("folder of a bucket", DENIED, [allow(GET, resource="arn:aws:s3:::team-data/bob/*")], GET, OBJECT),
    Case("bucket is not its objects", DENIED, [allow(GET, resource="arn:aws:s3:::team-data")], GET, OBJECT),
    Case(
        "end overlapping the beginning", DENIED, [allow(GET, resource="arn:aws:s3:::ab*ab")], GET, "arn:aws:s3:::ab"
    ),
    Case("end after the beginning", ALLOWED, [allow(GET, resource="arn:aws:s3:::ab*ab")], GET, "arn:aws:s3:::abab"),
    Case("dot is a dot", DENIED, [allow(GET, resource="arn:aws:s3:::a.b")], GET, "arn:aws:s3:::axb"),
    Case("bracket is a bracket", ALLOWED, [allow(GET, resource="arn:aws:s3:::a[b]*")], GET, "arn:aws:s3:::a[b]c"),
    Case("a newline is a character", ALLOWED, [allow(GET, resource="arn:aws:s3:::b/*")], GET, "arn:aws:s3:::b/x\ny"),
    Case("no trailing newline", DENIED, [allow(GET, resource="arn:aws:s3:::b/?")], GET, "arn:aws:s3:::b/x\n"),
    Case("several stars", ALLOWED, [allow(GET, resource="arn:aws:s3:::*a*b*c*")], GET, "arn:aws:s3:::xaxbxcx"),
    Case("several stars, wrong order", DENIED, [allow(GET, resource="arn:aws:s3:::*a*c*b")], GET, "arn:aws:s3:::abc"),
    Case("deny with wildcards", REFUSED, [ALL, deny("sagemaker:Inv*", resource="arn:aws:sagemaker:*:*:endpoint/f*")]),
]

NEGATIONS = [
    Case("NotAction allows the rest", ALLOWED, [allow(not_action="iam:*")]),
    Case("NotAction does not allow what it names", DENIED, [allow(not_action=INVOKE)]),
    Case("NotAction with wildcards", DENIED, [allow(not_action="sagemaker:*")]),
    Case("NotAction with several", DENIED, [allow(not_action=["iam:*", "sagemaker:Invoke*"])]),
    Case("NotAction is no deny", ALLOWED, [allow(not_action="sagemaker:*"), allow(INVOKE)]),
    Case("deny NotAction refuses the rest", REFUSED, [ALL, deny(not_action="s3:*")]),
    Case("deny NotAction spares what it names", ALLOWED, [ALL, deny(not_action="sagemaker:*")]),
    Case("NotAction has no case", DENIED, [allow(not_action="SAGEMAKER:*")]),
    Case("NotResource allows the rest", ALLOWED, [allow(INVOKE, not_resource=JOB)]),
    Case("NotResource spares", DENIED, [allow(INVOKE, not_resource=ENDPOINT)]),
    Case("NotResource with wildcards", DENIED, [allow(INVOKE, not_resource="arn:aws:sagemaker:*:*:endpoint/*")]),
    Case("deny NotResource refuses the rest", REFUSED, [ALL, deny("*", not_resource=JOB)]),
    Case("deny NotResource spares", ALLOWED, [ALL, deny("*", not_resource=[ENDPOINT, JOB])]),
    Case("both negated", ALLOWED, [allow(not_action="iam:*", not_resource=JOB)]),
    Case("both negated, resource named", DENIED, [allow(not_action="iam:*", not_resource=ENDPOINT)]),
    Case(
        "unresolved variable in NotResource of an allow",
        DENIED,
        [allow(GET, not_resource="arn:aws:s3:::b/${aws:username}/*")],
        GET,
        OBJECT,
    ),
    Case(
        "unresolved variable in NotResource of a deny",
        REFUSED,
        [ALL, deny(GET, not_resource="arn:aws:s3:::team-data/${aws:username}/*")],
        GET,
        OBJECT,
    ),
]

OWN_FOLDER = "arn:aws:s3:::team-data/${aws:username}/*"
VARIABLES = [
    Case("own folder", ALLOWED, [allow(GET, resource=OWN_FOLDER)], GET, OBJECT, ALICE),
    Case("other's folder", DENIED, [allow(GET, resource=OWN_FOLDER)], GET, OBJECT.replace("alice", "bob"), ALICE),
    Case("sessions have no user name", DENIED, [allow(GET, resource=OWN_FOLDER)], GET, OBJECT),
    Case(
        "unresolved next to a plain resource",
        ALLOWED,
        [allow(GET, resource=[OWN_FOLDER, "arn:aws:s3:::team-data/alice/*"])],
        GET,
        OBJECT,
    ),
    Case(
        "a default",
        ALLOWED,
        [allow(GET, resource="arn:aws:s3:::team-data/${aws:username, 'alice'}/*")],
        GET,
        OBJECT,
    ),
    Case(
        "a default is not used when there is a value",
        DENIED,
        [allow(GET, resource="arn:aws:s3:::team-data/${aws:username, 'bob'}/*")],
        GET,
        OBJECT.replace("alice", "bob"),
        ALICE,
    ),
    Case("unknown variable", DENIED, [allow(GET, resource="arn:aws:s3:::team-data/${aws:nonsense}/*")], GET, OBJECT),
    Case(
        "a star in a value is no wildcard",
        DENIED,
        [allow(GET, resource="arn:aws:s3:::team-data/${aws:PrincipalTag/team}/*")],
        GET,
        OBJECT,
        context={"aws:principaltag/team": "*"},
    ),
    Case(
        "a star in a value is itself",
        ALLOWED,
        [allow(GET, resource="arn:aws:s3:::team-data/${aws:PrincipalTag/team}/x")],
        GET,
        "arn:aws:s3:::team-data/*/x",
        context={"aws:principaltag/team": "*"},
    ),
    Case(
        "tag in a resource",
        ALLOWED,
        [allow(INVOKE, resource="arn:aws:sagemaker:*:*:endpoint/${aws:PrincipalTag/Team}-*")],
        context={"aws:principaltag/team": "fraud"},
    ),
    Case(
        "several values are no value",
        DENIED,
        [allow(INVOKE, resource="arn:aws:sagemaker:*:*:endpoint/${aws:TagKeys}-*")],
        context={"aws:tagkeys": ["fraud"]},
    ),
    Case("escaped star", ALLOWED, [allow(GET, resource="arn:aws:s3:::b/${*}")], GET, "arn:aws:s3:::b/*"),
    Case(
        "escaped star is no wildcard", DENIED, [allow(GET, resource="arn:aws:s3:::b/${*}")], GET, "arn:aws:s3:::b/x"
    ),
    Case("escaped question mark", DENIED, [allow(GET, resource="arn:aws:s3:::b/${?}")], GET, "arn:aws:s3:::b/x"),
    Case("escaped dollar", ALLOWED, [allow(GET, resource="arn:aws:s3:::b/${$}{x}")], GET, "arn:aws:s3:::b/${x}"),
    Case(
        "account of the caller",
        ALLOWED,
        [allow(INVOKE, resource="arn:aws:sagemaker:*:${aws:PrincipalAccount}:endpoint/*")],
    ),
    Case(
        "user id of a session",
        ALLOWED,
        [allow(GET, resource="arn:aws:s3:::b/${aws:userid}")],
        GET,
        "arn:aws:s3:::b/AROATRAINER000000000:job-1",
    ),
    Case(
        "variable in a condition",
        ALLOWED,
        [allow(INVOKE, when={"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}})],
        context={"aws:requesttag/team": "a", "aws:principaltag/team": "a"},
    ),
    Case(
        "variable in a condition differs",
        DENIED,
        [allow(INVOKE, when={"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}})],
        context={"aws:requesttag/team": "b", "aws:principaltag/team": "a"},
    ),
    Case(
        "missing variable in a condition",
        DENIED,
        [allow(INVOKE, when={"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}})],
        context={"aws:requesttag/team": "a"},
    ),
    Case(
        "missing variable in a negated condition of an allow",
        DENIED,
        [allow(INVOKE, when={"StringNotEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}})],
        context={"aws:requesttag/team": "a"},
    ),
    Case(
        "missing variable in a negated condition of a deny",
        REFUSED,
        [ALL, deny("*", when={"StringNotEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}})],
        context={"aws:requesttag/team": "a"},
    ),
    Case(
        "a variable of the wrong type",
        DENIED,
        [allow(INVOKE, when={"NumericLessThan": {"sagemaker:Cost": "${aws:PrincipalTag/limit}"}})],
        context={"sagemaker:cost": "1", "aws:principaltag/limit": "lots"},
    ),
    Case(
        "StringLike takes values literally",
        DENIED,
        [allow(INVOKE, when={"StringLike": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}})],
        context={"aws:requesttag/team": "other", "aws:principaltag/team": "*"},
    ),
]

LIMITS = [
    Case("boundary allows too", ALLOWED, [ALL], boundary=allow("sagemaker:*")),
    Case("boundary does not allow", DENIED, [ALL], boundary=allow("s3:*")),
    Case("a boundary alone allows nothing", DENIED, boundary=ALL),
    Case("boundary denies", REFUSED, [ALL], boundary=deny(INVOKE)),
    Case("session policy allows too", ALLOWED, [ALL], session=[allow(INVOKE)]),
    Case("session policy does not allow", DENIED, [ALL], session=[allow(GET)]),
    Case("session policy alone allows nothing", DENIED, session=[ALL]),
    Case("one of several session policies allows", ALLOWED, [ALL], session=[allow(GET), allow(INVOKE)]),
    Case("one of several session policies denies", REFUSED, [ALL], session=[allow(INVOKE), deny(INVOKE)]),
    Case("session policy denies", REFUSED, [ALL], session=[deny(INVOKE)]),
    Case("an empty set of session policies", DENIED, [ALL], session=[]),
    Case("all three", ALLOWED, [ALL], boundary=ALL, session=[ALL]),
    Case("boundary and session do not overlap", DENIED, [ALL], boundary=allow(GET), session=[allow(INVOKE)]),
    Case("a session policy holds root's session, too", DENIED, principal=ROOT, session=[allow(GET)]),
]


def grants(who: Any, effect: str = "Allow", element: str = "Principal", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, element: who, "Action": INVOKE, "Resource": "*", **more}


def aws(*arns: str) -> dict[str, Any]:
    return {"AWS": list(arns)}


ROLE_ARN = SESSION.role_arn or ""
TRAINER_LISTED = aws(ROLE_ARN, SESSION.arn)
RESOURCE_POLICIES = [
    Case("names the user", ALLOWED, principal=ALICE, resource_policy=grants(aws(ALICE.arn))),
    Case("names another user", DENIED, principal=ALICE, resource_policy=grants(aws(ALICE.arn + "x"))),
    Case("names the session", ALLOWED, resource_policy=grants(aws(SESSION.arn))),
    Case("names another session", DENIED, resource_policy=grants(aws(SESSION.arn + "2"))),
    Case("names the role", ALLOWED, resource_policy=grants(aws(ROLE_ARN))),
    Case("names the account only", DENIED, principal=ALICE, resource_policy=grants(aws(HOME))),
    Case("account and identity policy", ALLOWED, [ALL], principal=ALICE, resource_policy=grants(aws(HOME))),
    Case("names the root ARN only", DENIED, principal=ALICE, resource_policy=grants(aws(ROOT.arn))),
    Case("names everybody", ALLOWED, principal=ALICE, resource_policy=grants("*")),
    Case("names every AWS principal", ALLOWED, principal=ALICE, resource_policy=grants(aws("*"))),
    Case(
        "everybody includes nobody in particular",
        ALLOWED,
        principal=ANONYMOUS,
        resource_policy=grants("*"),
        context={"aws:resourceaccount": HOME},
    ),
    Case("nobody is not in the account", DENIED, principal=ANONYMOUS, resource_policy=grants(aws(HOME))),
    Case(
        "everybody under a condition",
        DENIED,
        principal=ALICE,
        resource_policy=grants("*", Condition={"Bool": {"aws:SecureTransport": "true"}}),
        context={"aws:securetransport": "false"},
    ),
    Case("denies the user", REFUSED, [ALL], principal=ALICE, resource_policy=grants(aws(ALICE.arn), "Deny")),
    Case("denies another user", ALLOWED, [ALL], principal=ALICE, resource_policy=grants(aws(STRANGER.arn), "Deny")),
    Case("denies the account", REFUSED, [ALL], resource_policy=grants(aws(HOME), "Deny")),
    Case("denies the role", REFUSED, [ALL], resource_policy=grants(aws(ROLE_ARN), "Deny")),
    Case("denies everybody", REFUSED, [ALL], resource_policy=grants("*", "Deny")),
    Case(
        "an identity deny beats it", REFUSED, [deny(INVOKE)], principal=ALICE, resource_policy=grants(aws(ALICE.arn))
    ),
    Case("denies all but the role", ALLOWED, [ALL], resource_policy=grants(TRAINER_LISTED, "Deny", "NotPrincipal")),
    Case(
        "denies all but the role: a user",
        REFUSED,
        [ALL],
        principal=ALICE,
        resource_policy=grants(TRAINER_LISTED, "Deny", "NotPrincipal"),
    ),
    Case("denies all but the account", ALLOWED, [ALL], resource_policy=grants(aws(HOME), "Deny", "NotPrincipal")),
    Case(
        "a user's grant passes the boundary",
        ALLOWED,
        principal=ALICE,
        boundary=allow(GET),
        resource_policy=grants(aws(ALICE.arn)),
    ),
    Case(
        "a user's grant does not pass a denying boundary",
        REFUSED,
        principal=ALICE,
        boundary=deny(INVOKE),
        resource_policy=grants(aws(ALICE.arn)),
    ),
    Case(
        "a role's grant does not pass the boundary",
        DENIED,
        boundary=allow(GET),
        resource_policy=grants(aws(ROLE_ARN)),
    ),
    Case(
        "a role's grant does not pass the session policy",
        DENIED,
        session=[allow(GET)],
        resource_policy=grants(aws(ROLE_ARN)),
    ),
    Case("a role's grant within both", ALLOWED, boundary=ALL, session=[ALL], resource_policy=grants(aws(ROLE_ARN))),
    Case(
        "a session's grant passes the session policy",
        ALLOWED,
        session=[allow(GET)],
        resource_policy=grants(aws(SESSION.arn)),
    ),
    Case("another resource", DENIED, principal=ALICE, resource_policy={**grants(aws(ALICE.arn)), "Resource": JOB}),
    Case(
        "another action",
        DENIED,
        principal=ALICE,
        resource_policy={**grants(aws(ALICE.arn)), "Action": "sagemaker:DeleteEndpoint"},
    ),
    Case(
        "names the service",
        ALLOWED,
        principal=SAGEMAKER,
        resource_policy=grants({"Service": "sagemaker.amazonaws.com"}),
    ),
    Case(
        "names another service",
        DENIED,
        principal=SAGEMAKER,
        resource_policy=grants({"Service": "lambda.amazonaws.com"}),
    ),
    Case("everybody means services, too", ALLOWED, principal=SAGEMAKER, resource_policy=grants("*")),
    Case("all of an account are no services", DENIED, principal=SAGEMAKER, resource_policy=grants({"AWS": HOME})),
    Case(
        "a service is no user",
        DENIED,
        principal=ALICE,
        resource_policy=grants({"Service": "sagemaker.amazonaws.com"}),
    ),
    Case(
        "denies the service",
        REFUSED,
        principal=SAGEMAKER,
        resource_policy=grants({"Service": "sagemaker.amazonaws.com"}, "Deny"),
    ),
]

ABROAD: dict[str, Any] = {"resource": FOREIGN}
MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"
EVERYBODYS = [
    Case("a managed policy of AWS is at home everywhere", ALLOWED, [ALL], "iam:GetPolicy", MANAGED),
    Case("also for root, without a policy", ALLOWED, [], "iam:GetPolicy", MANAGED, principal=ROOT),
    Case("and still needs a permission", DENIED, [NOBODY], "iam:GetPolicy", MANAGED),
]

CROSS_ACCOUNT = [
    Case("only identity", DENIED, [ALL], **ABROAD),
    Case("only resource", DENIED, resource_policy=grants(aws(ROLE_ARN)), **ABROAD),
    Case("only resource, naming the session", DENIED, resource_policy=grants(aws(SESSION.arn)), **ABROAD),
    Case("only resource, naming the user", DENIED, principal=ALICE, resource_policy=grants(aws(ALICE.arn)), **ABROAD),
    Case("both, naming the user", ALLOWED, [ALL], principal=ALICE, resource_policy=grants(aws(ALICE.arn)), **ABROAD),
    Case("both, naming the role", ALLOWED, [ALL], resource_policy=grants(aws(ROLE_ARN)), **ABROAD),
    Case("both, naming the account", ALLOWED, [ALL], resource_policy=grants(aws(HOME)), **ABROAD),
    Case("both, naming everybody", ALLOWED, [ALL], resource_policy=grants("*"), **ABROAD),
    Case("the owner names itself only", DENIED, [ALL], resource_policy=grants(aws(AWAY)), **ABROAD),
    Case("identity denies", REFUSED, [ALL, deny(INVOKE)], resource_policy=grants(aws(HOME)), **ABROAD),
    Case("owner denies", REFUSED, [ALL], resource_policy=grants(aws(HOME), "Deny"), **ABROAD),
    Case(
        "boundary counts",
        DENIED,
        [ALL],
        boundary=allow(GET),
        principal=ALICE,
        resource_policy=grants(aws(ALICE.arn)),
        **ABROAD,
    ),
    Case(
        "session policy counts",
        DENIED,
        [ALL],
        session=[allow(GET)],
        resource_policy=grants(aws(SESSION.arn)),
        **ABROAD,
    ),
    Case("root abroad, allowed by the owner", ALLOWED, principal=ROOT, resource_policy=grants(aws(HOME)), **ABROAD),
    Case("root abroad, denied by the owner", REFUSED, principal=ROOT, resource_policy=grants("*", "Deny"), **ABROAD),
    Case("owner given by the context", DENIED, [ALL], GET, OBJECT, context={"aws:resourceaccount": AWAY}),
    Case("owner at home given by the context", ALLOWED, [ALL], GET, OBJECT, context={"aws:resourceaccount": HOME}),
    Case("nobody abroad, public", ALLOWED, principal=ANONYMOUS, resource_policy=grants("*"), **ABROAD),
    Case("nobody abroad", DENIED, principal=ANONYMOUS, **ABROAD),
]

TABLES = {
    "basics": BASICS,
    "wildcards": WILDCARDS,
    "negations": NEGATIONS,
    "variables": VARIABLES,
    "limits": LIMITS,
    "resource policies": RESOURCE_POLICIES,
    "cross-account": CROSS_ACCOUNT,
    "everybody's": EVERYBODYS,
}
CASES = [pytest.param(case, id=f"{topic}: {case.name}") for topic, cases in TABLES.items() for case in cases]


@pytest.mark.parametrize("case", CASES)
def test_decision(case: Case) -> None:
    assert decide(case) == case.expected


def test_old_policies_have_no_variables() -> None:
    statement = allow(GET, resource="arn:aws:s3:::b/${aws:username}")
    old = parse_policy(text_of({"Version": "2008-10-17", "Statement": statement}))
    unnamed = parse_policy(text_of({"Statement": statement}))
    for document in (old, unnamed):
        policies = PolicySet(identity=[document])
        assert not evaluate(AccessRequest(ALICE, GET, "arn:aws:s3:::b/alice", {}), policies).allowed
        assert evaluate(AccessRequest(ALICE, GET, "arn:aws:s3:::b/${aws:username}", {}), policies).allowed
