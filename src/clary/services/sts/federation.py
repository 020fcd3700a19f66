"""GetFederationToken: credentials of somebody whom a user vouches for, with the part of its rights that is named.

What both the user's own policies and those of the session allow, is allowed; without policies of the session nothing
is. Such credentials call no operation of IAM, and of STS only GetCallerIdentity.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from clary.access.principals import federated_user
from clary.access.sessions import mint_session, packed_size
from clary.base.errors import AccessDenied
from clary.services.context import Context
from clary.services.sts.assume_role import session_policies, session_tags
from clary.services.sts.identity import rendered

_HOUR = 3600
# Everything of IAM but PassRole, which is asked for by operations of others.
_CLOSED = [f"iam:{begin}*" for begin in ("A", "C", "D", "E", "G", "L", "Put", "R", "S", "T", "U")]
_LIMITS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Action": [*_CLOSED, "sts:*"], "Resource": "*"},
            {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"},
        ],
    }
)


def get_federation_token(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """For long-term keys only."""
    caller = context.principal
    if caller.kind not in ("root", "user") or "aws:tokenissuetime" in context.condition_keys:
        raise AccessDenied("Cannot call GetFederationToken with session credentials")
    principal = federated_user(caller, request["Name"])
    tags = session_tags(request)
    if tags:
        context.authorize("sts:TagSession", principal.arn)
    with context.database.read() as tx:
        policies = session_policies(context, tx, request)
    seconds = request.get("DurationSeconds", 12 * _HOUR)
    credentials = mint_session(
        context.installation.master_key,
        principal=principal,
        issued_at=context.now,
        expires_at=context.now + timedelta(seconds=min(seconds, _HOUR) if caller.kind == "root" else seconds),
        session_policies=[_LIMITS, *policies],
        tags=tags,
    )
    return {
        "Credentials": rendered(credentials),
        "FederatedUser": {"FederatedUserId": principal.user_id, "Arn": principal.arn},
        "PackedPolicySize": packed_size(credentials),
    }


def federated_arn(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table."""
    return federated_user(context.principal, request["Name"]).arn
