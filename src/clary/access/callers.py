"""From an access key (and session token) to who is calling and what limits them.

Works on the access snapshot, so that doors and control answer alike. The signature of the request is checked
by whoever asks, with the `secret` found here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from clary.access.documents import parse_policy
from clary.access.evaluation import AccessRequest, Decision, Document, PolicySet, evaluate
from clary.access.principals import Principal, role_session, root_principal, user_principal
from clary.access.sessions import InvalidClientTokenId, Session, open_session
from clary.base.snapshots import Access, AccessKey, PrincipalPolicies


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose credentials are known. `keys` are condition keys that follow from the credentials."""

    principal: Principal
    secret: str = field(repr=False)
    policies: PolicySet
    keys: Mapping[str, str | list[str]]

    def request(
        self, action: str, resource: str, context: Mapping[str, str | list[str]] | None = None
    ) -> AccessRequest:
        """A question to `evaluate`; what the credentials say wins over `context`."""
        return AccessRequest(self.principal, action, resource, {**context, **self.keys} if context else self.keys)

    def may(
        self,
        action: str,
        resource: str,
        context: Mapping[str, str | list[str]] | None = None,
        resource_policies: Sequence[Document] = (),
    ) -> Decision:
        """Decide by the caller's own policies and those of the resource."""
        policies = replace(self.policies, resource=resource_policies) if resource_policies else self.policies
        return evaluate(self.request(action, resource, context), policies)


def identify(access: Access, master_key: str, access_key_id: str, session_token: str | None, now: datetime) -> Caller:
    """The caller with these credentials; InvalidClientTokenId or ExpiredToken when they are no good."""
    if session_token is not None:
        session = open_session(master_key, access_key_id, session_token, now)
        return caller_of_session(session, access.principals.get(session.principal.policy_arn))
    key = access.keys.get(access_key_id)
    return caller_of_key(key, access.principals.get(key.principal_arn) if key else None)


def caller_of_key(key: AccessKey | None, principal: PrincipalPolicies | None) -> Caller:
    """The owner of a long-term key."""
    if key is None or not key.active or principal is None:
        raise _unknown()
    who = root_principal(key.account) if principal.root else user_principal(principal.arn, principal.principal_id)
    return Caller(who, key.secret, _policies(principal, None), _tag_keys(principal))


def caller_of_session(session: Session, principal: PrincipalPolicies | None) -> Caller:
    """The holder of temporary credentials. `principal` is the role (or user) as it is now: a session does not
    outlive it, not even when another one of the same name is made."""
    if principal is None or principal.principal_id != session.principal.principal_id:
        raise _unknown()
    keys = {**_tag_keys(principal), **session.keys()}
    policies = _policies(principal, session.policies)
    if principal.root and session.principal.kind == "federated-user":
        policies = replace(policies, identity=(_EVERYTHING,))
    return Caller(session.principal, session.secret_access_key, policies, keys)


def caller_of_role(role: PrincipalPolicies, session_name: str) -> Caller:
    """A session of the role that Clary itself acts in; nothing is signed, so there is no secret."""
    principal = role_session(role.arn, role.principal_id, session_name)
    return Caller(principal, "", _policies(role, None), _tag_keys(role))


_EVERYTHING = parse_policy(
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
)
"""What root may do, for those whom it vouches for: root itself needs no policy."""


def _policies(principal: PrincipalPolicies, session: tuple[Document, ...] | None) -> PolicySet:
    return PolicySet(identity=principal.policies, boundary=principal.boundary, session=session)


def _tag_keys(principal: PrincipalPolicies) -> dict[str, str | list[str]]:
    """Tags of the user or role; tags of a session go over them."""
    return {f"aws:principaltag/{key.lower()}": value for key, value in principal.tags.items()}


def _unknown() -> InvalidClientTokenId:
    return InvalidClientTokenId("The security token included in the request is invalid.")
