"""GetCallerIdentity, and GetSessionToken: temporary credentials of the caller itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from clary.access.sessions import SessionCredentials, mint_session
from clary.base.errors import AccessDenied, NotServed, ValidationException
from clary.services.context import Context
from clary.store import principals

_HOUR = 3600


def get_caller_identity(context: Context, _request: dict[str, Any]) -> dict[str, Any]:
    who = context.principal
    return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}


def get_access_key_info(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The account of a long-term key; a temporary one does not tell without its token."""
    key_id = request["AccessKeyId"]
    with context.database.read() as tx:
        account = principals.account_of_key(tx, context.installation, key_id)
    if account is None:
        raise ValidationException(f"The access key id {key_id} is not known here.", code="ValidationError")
    return {"Account": account}


def get_session_token(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """For long-term keys only: a session cannot prolong itself."""
    refuse_unserved("GetSessionToken", request, ("SerialNumber", "TokenCode"))
    if context.principal.kind not in ("root", "user") or "aws:tokenissuetime" in context.condition_keys:
        raise AccessDenied("Cannot call GetSessionToken with session credentials")
    seconds = request.get("DurationSeconds", 12 * _HOUR)
    if context.principal.kind == "root":
        seconds = min(seconds, _HOUR)
    credentials = mint_session(
        context.installation.master_key,
        principal=context.principal,
        issued_at=context.now,
        expires_at=context.now + timedelta(seconds=seconds),
    )
    return {"Credentials": rendered(credentials)}


def rendered(credentials: SessionCredentials) -> dict[str, Any]:
    """The Credentials member of an answer."""
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expiration,
    }


def refuse_unserved(operation: str, request: dict[str, Any], members: tuple[str, ...]) -> None:
    """Members that would change who gets what must not be passed over in silence."""
    for member in members:
        if request.get(member):
            raise NotServed(f"{operation} with {member} is not served by this version of Clary.")
