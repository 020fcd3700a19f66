"""GetCallerIdentity and AssumeRole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from clary.access.documents import parse_policy
from clary.access.evaluation import AccessRequest, PolicySet, evaluate_trust
from clary.access.principals import role_session
from clary.access.sessions import mint_session, packed_size
from clary.base.errors import AccessDenied, NotServed, ValidationException
from clary.services.context import Context
from clary.store import principals, resources
from clary.store.resources import Resource

_HOUR = 3600


def get_caller_identity(context: Context, _request: dict[str, Any]) -> dict[str, Any]:
    who = context.principal
    return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}


def assume_role(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Credentials of a role, for callers whom the role trusts and whose own policies allow it."""
    for member in ("PolicyArns", "SerialNumber", "TokenCode", "TransitiveTagKeys", "ProvidedContexts"):
        if request.get(member):
            raise NotServed(f"AssumeRole with {member} is not served by this version of Clary.")
    with context.database.read() as tx:
        role = resources.find_by_arn(tx, request["RoleArn"])
        own = principals.policies_of(tx, context.principal.policy_arn)
    _check_trust(
        context, request, role, PolicySet(identity=own.policies, boundary=own.boundary) if own else PolicySet()
    )
    if role is None:
        raise AssertionError("the trust check refuses roles that do not exist")
    seconds = request.get("DurationSeconds", _HOUR)
    longest = _HOUR if context.principal.kind == "assumed-role" else role.document["MaxSessionDuration"]
    if seconds > longest:
        raise ValidationException("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if request.get("Policy"):
        parse_policy(request["Policy"])
    principal = role_session(role.arn, role.document["RoleId"], request["RoleSessionName"])
    credentials = mint_session(
        context.installation.master_key,
        principal=principal,
        issued_at=context.now,
        expires_at=context.now + timedelta(seconds=seconds),
        session_policies=[request["Policy"]] if request.get("Policy") else [],
        tags={tag["Key"]: tag["Value"] for tag in request.get("Tags") or []},
        source_identity=request.get("SourceIdentity", ""),
    )
    return {
        "Credentials": {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "Expiration": credentials.expiration,
        },
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
        "PackedPolicySize": packed_size(credentials),
        "SourceIdentity": request.get("SourceIdentity"),
    }


def _check_trust(context: Context, request: dict[str, Any], role: Resource | None, own: PolicySet) -> None:
    """Both sides: the role's trust policy, and (unless it names the caller itself) the caller's policies."""
    arn = request["RoleArn"]
    keys: dict[str, str | list[str]] = {"sts:rolesessionname": request["RoleSessionName"]}
    if request.get("ExternalId"):
        keys["sts:externalid"] = request["ExternalId"]
    asked = AccessRequest(context.principal, "sts:AssumeRole", arn, keys)
    refusal = AccessDenied(
        f"User: {context.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    )
    if role is None or role.kind != principals.ROLE:
        raise refusal
    trust = (role.document["Trust"],)
    named = evaluate_trust(asked, PolicySet(resource=trust)).allowed
    if not evaluate_trust(asked, PolicySet(own.identity, own.boundary, None, trust)).allowed:
        raise refusal
    if not named:
        context.authorize("sts:AssumeRole", arn, keys)
