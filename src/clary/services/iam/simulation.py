"""SimulatePrincipalPolicy, SimulateCustomPolicy and what they need to be told: the same evaluation that decides.

Every action is asked for on every resource; each pair is one result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clary.access.documents import parse_policy, parse_resource_policy
from clary.access.evaluation import (
    BOUNDARY,
    IDENTITY,
    AccessRequest,
    Decision,
    Document,
    Match,
    PolicySet,
    evaluate,
    matches,
)
from clary.access.principals import Principal, principal_keys, role_session, root_principal, user_principal
from clary.access.statements import compile_policy
from clary.base.arns import parse_arn
from clary.base.errors import NotServed
from clary.services.context import Context
from clary.services.iam import entities
from clary.services.iam.groups import groups_of
from clary.store import principals, resources
from clary.store.resources import Resource

_ACCOUNT = re.compile(r"(?:arn:aws:iam::)?([0-9]{12})(?::root)?")


@dataclass(frozen=True, slots=True)
class Source:
    """Id and type of a policy, as MatchedStatements name it."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Question:
    """Who is asked about, under which policies; `identity` names the identity policies in their order."""

    principal: Principal
    policies: PolicySet
    identity: Sequence[Source]


def simulated_resource(_context: Context, request: dict[str, Any]) -> str:
    arn: str = request["PolicySourceArn"]
    return arn


def simulate_principal_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Users, roles and the account's root can be asked about."""
    if request.get("PolicyExclusionList"):
        raise NotServed("SimulatePrincipalPolicy with PolicyExclusionList is not served by this version of Clary.")
    arn = request["PolicySourceArn"]
    question = _root(context) if arn == f"arn:aws:iam::{context.account}:root" else _principal(context, arn)
    return _answer(context, "SimulatePrincipalPolicy", request, question)


def simulate_custom_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Only the policies of the request count; without CallerArn for a session of an imagined role."""
    if request.get("OrderedOrganizationPolicyInputList"):
        raise NotServed("SimulateCustomPolicy with organization policies is not served by this version of Clary.")
    nobody = role_session(entities.role_arn(context.account, "/", "Simulated"), "AROASIMULATED0000000", "simulation")
    return _answer(context, "SimulateCustomPolicy", request, Question(nobody, PolicySet(), ()))


def get_context_keys_for_custom_policy(_context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"ContextKeyNames": _asked_for([parse_policy(text) for text in request["PolicyInputList"]])}


def get_context_keys_for_principal_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Of the principal's own policies (a user's groups' too), its boundary and those of the request."""
    policies = _principal(context, request["PolicySourceArn"]).policies
    given = [parse_policy(text) for text in request.get("PolicyInputList") or []]
    boundary = [policies.boundary] if policies.boundary is not None else []
    return {"ContextKeyNames": _asked_for([*policies.identity, *boundary, *given])}


def _asked_for(documents: Iterable[Document]) -> list[str]:
    """As they are written, each once."""
    found: dict[str, str] = {}
    for document in documents:
        found = compile_policy(document).asked_keys() | found
    return sorted(found.values())


def _root(context: Context) -> Question:
    return Question(root_principal(context.account), PolicySet(), ())


def _principal(context: Context, arn: str) -> Question:
    with context.database.read() as tx:
        row = resources.find_by_arn(tx, arn)
        found = principals.policies_of(tx, arn)
        if row is None or found is None or row.account != context.account:
            raise entities.NoSuchEntity(f"The principal {arn} cannot be found.")
        groups = groups_of(tx, context, row) if row.kind == principals.USER else []
    is_user = row.kind == principals.USER
    who = user_principal(arn, found.principal_id) if is_user else role_session(arn, found.principal_id, "simulation")
    order = {group.document["GroupId"]: group for group in groups}
    holders = [row, *(order[known] for known in row.document.get("Groups", ()) if known in order)]
    sources = [source for holder in holders for source in _sources_of(holder)]
    return Question(who, PolicySet(identity=found.policies, boundary=found.boundary), sources)


def _sources_of(holder: Resource) -> list[Source]:
    """In the order of `store.principals`: inline policies, then attached ones."""
    word = holder.kind.removeprefix("iam-")
    inline = [Source(f"{word}_{holder.name}_{name}", word) for name in holder.document["Inline"]]
    attached = [
        Source(parse_arn(arn).resource_name, "aws-managed" if f"::{principals.AWS}:" in arn else "user-managed")
        for arn in holder.document["Attached"]
    ]
    return inline + attached


def _answer(context: Context, operation: str, request: dict[str, Any], asked: Question) -> dict[str, Any]:
    question = _with_request(context, request, asked)
    keys = _context_keys(request)
    pairs = [(action, arn) for action in request["ActionNames"] for arn in request.get("ResourceArns") or ["*"]]
    numbered = [(f"{number:06d}", pair) for number, pair in enumerate(pairs)]
    shown, more = entities.page(context, request, operation, numbered, lambda item: item[0], asked.principal.arn)
    results = [_result(AccessRequest(question.principal, action, arn, keys), question) for _, (action, arn) in shown]
    return {"EvaluationResults": results, **more}


def _with_request(context: Context, request: dict[str, Any], asked: Question) -> Question:
    """Policies that come with the request: more identity policies, another boundary, a resource policy."""
    added = [parse_policy(text) for text in request.get("PolicyInputList") or []]
    boundaries = [parse_policy(text) for text in request.get("PermissionsBoundaryPolicyInputList") or []]
    if len(boundaries) > 1:
        raise entities.InvalidInput("Only one permissions boundary can be given.")
    resource = request.get("ResourcePolicy")
    return Question(
        principal=_caller(context, request["CallerArn"], asked) if request.get("CallerArn") else asked.principal,
        policies=replace(
            asked.policies,
            identity=(*asked.policies.identity, *added),
            boundary=boundaries[0] if boundaries else asked.policies.boundary,
            resource=(parse_resource_policy(resource),) if resource else (),
        ),
        identity=[*asked.identity, *(Source(f"PolicyInputList.{n}", "none") for n, _ in enumerate(added, 1))],
    )


def _caller(context: Context, arn: str, asked: Question) -> Principal:
    """Whom resource policies and conditions shall see."""
    parsed = parse_arn(arn)
    kind, _, name = parsed.resource.partition("/")
    if parsed.service == "iam" and parsed.resource == "root":
        return root_principal(parsed.account)
    if parsed.service == "iam" and kind == "user":
        return user_principal(arn, "AIDASIMULATED0000000")
    if parsed.service == "iam" and kind == "role":
        known = asked.principal.role_arn == arn
        return asked.principal if known else role_session(arn, "AROASIMULATED0000000", "simulation")
    if parsed.service == "sts" and kind == "assumed-role" and name.count("/") == 1:
        role_name, _, session = name.partition("/")
        with context.database.read() as tx:
            role = resources.find(tx, parsed.account, "", principals.ROLE, role_name)
        if role is not None:
            return role_session(role.arn, role.document["RoleId"], session)
    raise entities.InvalidInput(f"Invalid value for CallerArn: {arn}")


def _context_keys(request: dict[str, Any]) -> dict[str, str | list[str]]:
    keys: dict[str, str | list[str]] = {}
    for entry in request.get("ContextEntries") or []:
        values: list[str] = entry.get("ContextKeyValues") or []
        many = entry.get("ContextKeyType", "").endswith("List") or len(values) != 1
        keys[entry["ContextKeyName"].lower()] = values if many else values[0]
    owner = _ACCOUNT.fullmatch(request.get("ResourceOwner") or "")
    if owner:
        keys["aws:resourceaccount"] = owner[1]
    elif request.get("ResourceOwner"):
        raise entities.InvalidInput(f"Invalid value for ResourceOwner: {request['ResourceOwner']}")
    return keys


def _result(asked: AccessRequest, question: Question) -> dict[str, Any]:
    decision = evaluate(asked, question.policies)
    result: dict[str, Any] = {
        "EvalActionName": asked.action,
        "EvalResourceName": asked.resource,
        "EvalDecision": decision.reason,
        "MatchedStatements": _matched(asked, question, decision),
        "MissingContextValues": _missing(asked, question.policies),
    }
    if question.policies.boundary is not None:
        inside = evaluate(asked, PolicySet(identity=(question.policies.boundary,))).allowed
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": inside}
    return result


def _matched(asked: AccessRequest, question: Question, decision: Decision) -> list[dict[str, Any]]:
    """The statements that made the decision: those that deny, or those that allow; none for an implicit deny."""
    if decision.reason == "implicitDeny":
        return []
    found = [match for match in matches(asked, question.policies) if match.allow == decision.allowed]
    return [
        {"SourcePolicyId": source.name, "SourcePolicyType": source.kind}
        for source in (_source(match, question) for match in found)
    ]


def _source(match: Match, question: Question) -> Source:
    if match.source == IDENTITY:
        return question.identity[match.number]
    if match.source == BOUNDARY:
        return Source("PermissionsBoundary", "user-managed")
    return Source("ResourcePolicy", "resource")


def _missing(asked: AccessRequest, policies: PolicySet) -> list[str]:
    """Condition keys that the policies ask for and the request does not have."""
    wanted = _asked_for(document for _, documents in policies.layers() for document in documents)
    known = asked.context.keys() | principal_keys(asked.principal).keys()
    return [key for key in wanted if key.lower() not in known]
