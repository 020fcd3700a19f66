"""SimulatePrincipalPolicy: what would be decided, by the same evaluation that decides."""

from __future__ import annotations

from typing import Any

from clary.access.documents import parse_policy
from clary.access.evaluation import AccessRequest, PolicySet, evaluate, matches
from clary.access.principals import Principal, root_principal
from clary.base.arns import parse_arn
from clary.services.context import Context
from clary.services.iam import entities
from clary.store import principals, resources


def simulated_resource(_context: Context, request: dict[str, Any]) -> str:
    arn: str = request["PolicySourceArn"]
    return arn


def simulate_principal_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Every action on every resource. Roles and the account's root can be asked about."""
    source, policies = _source(context, request["PolicySourceArn"])
    extra = tuple(parse_policy(text) for text in request.get("PolicyInputList") or [])
    policies = PolicySet(identity=(*policies.identity, *extra), boundary=policies.boundary)
    keys: dict[str, str | list[str]] = {
        entry["ContextKeyName"].lower(): _values(entry) for entry in request.get("ContextEntries") or []
    }
    pairs = [(a, r) for a in request["ActionNames"] for r in request.get("ResourceArns") or ["*"]]
    numbered = [(f"{number:06d}", pair) for number, pair in enumerate(pairs)]
    shown, more = entities.page(
        context, request, "SimulatePrincipalPolicy", numbered, lambda item: item[0], request["PolicySourceArn"]
    )
    results = [_result(AccessRequest(source, action, arn, keys), policies) for _, (action, arn) in shown]
    return {"EvaluationResults": results, **more}


def _source(context: Context, arn: str) -> tuple[Principal, PolicySet]:
    if arn == context.installation.root_arn:
        return root_principal(context.account), PolicySet()
    with context.database.read() as tx:
        role = resources.find_by_arn(tx, arn)
        found = principals.policies_of(tx, arn)
    if role is None or found is None or role.account != context.account:
        raise entities.NoSuchEntity(f"The principal {arn} cannot be found.")
    name = parse_arn(arn).resource_name
    who = Principal(
        arn=f"arn:aws:sts::{role.account}:assumed-role/{name}/simulation",
        account=role.account,
        kind="assumed-role",
        principal_id=found.principal_id,
        role_arn=arn,
        session_name="simulation",
    )
    return who, PolicySet(identity=found.policies, boundary=found.boundary)


def _values(entry: dict[str, Any]) -> str | list[str]:
    values: list[str] = entry.get("ContextKeyValues") or []
    return values[0] if len(values) == 1 else values


def _result(asked: AccessRequest, policies: PolicySet) -> dict[str, Any]:
    decision = evaluate(asked, policies)
    return {
        "EvalActionName": asked.action,
        "EvalResourceName": asked.resource,
        "EvalDecision": decision.reason,
        "MatchedStatements": [
            {"SourcePolicyId": f"{match.source}-{match.number + 1}", "SourcePolicyType": "IAM Policy"}
            for match in matches(asked, policies)
        ],
        "MissingContextValues": [],
    }
