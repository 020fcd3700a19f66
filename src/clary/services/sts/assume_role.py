"""AssumeRole: the role's trust policy and the caller's own policies are weighed together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from clary.access.documents import MalformedPolicyDocument, parse_policy
from clary.access.evaluation import AccessRequest, evaluate_trust
from clary.access.principals import role_session
from clary.access.sessions import mint_session, packed_size
from clary.base.errors import AccessDenied, ValidationException
from clary.services.context import Context
from clary.services.sts.identity import refuse_unserved, rendered
from clary.store import principals, resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_HOUR = 3600
_UNSERVED = ("SerialNumber", "TokenCode", "TransitiveTagKeys", "ProvidedContexts")


def assume_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Credentials of a role, for callers whom the role trusts and whose own policies allow it."""
    refuse_unserved("AssumeRole", request, _UNSERVED)
    with context.database.read() as tx:
        role = _trusting_role(context, tx, request)
        policies = session_policies(context, tx, request)
    principal = role_session(role.arn, role.document["RoleId"], request["RoleSessionName"])
    credentials = mint_session(
        context.installation.master_key,
        principal=principal,
        issued_at=context.now,
        expires_at=context.now + timedelta(seconds=_duration(context, request, role)),
        session_policies=policies,
        tags=session_tags(request),
        source_identity=request.get("SourceIdentity", ""),
    )
    answer = {
        "Credentials": rendered(credentials),
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
        "PackedPolicySize": packed_size(credentials),
    }
    if request.get("SourceIdentity"):
        answer["SourceIdentity"] = request["SourceIdentity"]
    return answer


def _trusting_role(context: Context, tx: Transaction, request: dict[str, Any]) -> Resource:
    """The role, if it may be assumed; a role that does not exist is refused in the same words."""
    arn = request["RoleArn"]
    role = resources.find_by_arn(tx, arn)
    trust = role.document["Trust"] if role is not None and role.kind == principals.ROLE else None
    policies = replace(context.policies, resource=(trust,) if trust else ())
    keys = {**_request_keys(request), **_role_keys(role), **context.condition_keys}
    for action in _actions(request):
        if not evaluate_trust(AccessRequest(context.principal, action, arn, keys), policies).allowed:
            raise AccessDenied(
                f"User: {context.principal.arn} is not authorized to perform: {action} on resource: {arn}"
            )
    if role is None:
        raise AssertionError("nothing trusts anybody in the name of a role that does not exist")
    return role


def _actions(request: dict[str, Any]) -> list[str]:
    """Tags and a source identity need permissions of their own."""
    actions = ["sts:AssumeRole"]
    if request.get("Tags"):
        actions.append("sts:TagSession")
    if request.get("SourceIdentity"):
        actions.append("sts:SetSourceIdentity")
    return actions


def _request_keys(request: dict[str, Any]) -> dict[str, str | list[str]]:
    tags = session_tags(request)
    keys: dict[str, str | list[str]] = {f"aws:requesttag/{key.lower()}": value for key, value in tags.items()}
    keys["sts:rolesessionname"] = request["RoleSessionName"]
    if tags:
        keys["aws:tagkeys"] = list(tags)
    for member, key in (("ExternalId", "sts:externalid"), ("SourceIdentity", "sts:sourceidentity")):
        if request.get(member):
            keys[key] = request[member]
    return keys


def _role_keys(role: Resource | None) -> dict[str, str | list[str]]:
    """Tags of the role that is to be assumed."""
    tags = role.document.get("Tags", {}) if role is not None else {}
    return {f"{prefix}:resourcetag/{key.lower()}": tags[key] for prefix in ("aws", "iam") for key in tags}


def session_tags(request: dict[str, Any]) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    if len({key.lower() for key in tags}) != len(request.get("Tags") or []):
        raise ValidationException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return tags


def _duration(context: Context, request: dict[str, Any], role: Resource) -> int:
    seconds: int = request.get("DurationSeconds", _HOUR)
    if context.principal.kind == "assumed-role" and seconds > _HOUR:
        raise ValidationException(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if seconds > role.document["MaxSessionDuration"]:
        raise ValidationException("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return seconds


def session_policies(context: Context, tx: Transaction, request: dict[str, Any]) -> list[str]:
    """Texts of the inline and the managed policies that limit the session, as they are now."""
    texts = []
    if request.get("Policy"):
        parse_policy(request["Policy"])
        texts.append(request["Policy"])
    for item in request.get("PolicyArns") or []:
        text = principals.policy_text(tx, context.account, item.get("arn", ""))
        if text is None:
            raise MalformedPolicyDocument(f"The policy {item.get('arn')} does not exist or is not attachable.")
        texts.append(text)
    return texts
