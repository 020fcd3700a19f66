"""SimulateCustomPolicy answers what is decided, over the whole table of decisions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.access.condition_table import rows
from tests.access.documents import allow, deny, policy, text_of
from tests.access.test_decisions import INVOKE, TABLES, Case
from tests.services.calling import Client

EXPRESSIBLE = [
    case
    for cases in TABLES.values()
    for case in cases
    # A simulation has no session policies, and asks for users and roles; the session id of a role is its own.
    if case.session is None and case.principal.kind not in ("anonymous", "service") and "user id" not in case.name
]


def simulated(client: Client, case: Case) -> dict[str, Any]:
    request: dict[str, Any] = {
        "PolicyInputList": [text_of(policy(statement)) for statement in case.identity],
        "ActionNames": [case.action],
        "ResourceArns": [case.resource],
        "CallerArn": case.principal.arn if case.principal.role_arn is None else case.principal.role_arn,
        "ContextEntries": [
            {
                "ContextKeyName": key,
                "ContextKeyType": "string" if isinstance(value, str) else "stringList",
                "ContextKeyValues": [value] if isinstance(value, str) else value,
            }
            for key, value in case.context.items()
        ],
    }
    if case.boundary is not None:
        request["PermissionsBoundaryPolicyInputList"] = [text_of(policy(case.boundary))]
    if case.resource_policy is not None:
        request["ResourcePolicy"] = text_of(policy(case.resource_policy))
    (result,) = client("SimulateCustomPolicy", **request)["EvaluationResults"]
    found: dict[str, Any] = result
    return found


def named_session(case: Case) -> bool:
    """Whether a resource policy speaks of the very session, which a simulated caller does not have."""
    return case.principal.role_arn is not None and case.principal.arn in str(case.resource_policy)


@pytest.mark.parametrize("case", [c for c in EXPRESSIBLE if not named_session(c)], ids=lambda case: case.name)
def test_a_simulation_decides_alike(client: Client, case: Case) -> None:
    assert simulated(client, case)["EvalDecision"] == case.expected


def test_conditions_too(client: Client) -> None:
    for row in rows():
        allowing = Case("", "", [allow(INVOKE, when=row.condition)], context=row.context)
        assert simulated(client, allowing)["EvalDecision"] == ("allowed" if row.holds else "implicitDeny"), row.name
        denying = Case("", "", [allow("*"), deny(INVOKE, when=row.condition)], context=row.context)
        result = simulated(client, denying)
        assert result["EvalDecision"] == ("explicitDeny" if row.holds else "allowed"), row.name
        assert result["MatchedStatements"], row.name
