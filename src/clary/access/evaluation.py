"""May this request be made? One pure function over the request and every policy that bears on it.

Order of thought:
 1. Root may do everything in its own account; nobody can lock the owner out.
 2. An explicit deny anywhere ends it.
 3. A resource policy that means exactly the caller allows by itself, inside one account.
 4. Otherwise an identity policy must allow (a resource policy that names the caller's role counts as one), and
    the permissions boundary and the session policies must allow as well.
 5. Across accounts both sides must allow: 4 without its exception, and the resource's policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from clary.access.principals import Principal, principal_keys
from clary.access.statements import Grant, Statement, compile_policy

Document: TypeAlias = Mapping[str, Any]
Reason: TypeAlias = Literal["allowed", "implicitDeny", "explicitDeny"]

IDENTITY = "identity-based policy"
BOUNDARY = "permissions boundary"
SESSION = "session policy"
RESOURCE = "resource-based policy"
TRUST = "role trust policy"

_ARTICLES = {IDENTITY: "an", BOUNDARY: "a", SESSION: "a", RESOURCE: "a", TRUST: "a"}
_EVERYBODYS = "aws"  # stands for an account in the ARNs of managed policies


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """`action` as `sagemaker:CreateModel`, `resource` an ARN or `*`, `context` condition keys in lower case.

    Keys that follow from the principal need not be given. The owner of the resource is `aws:resourceaccount`
    of the context, else the account in the ARN, else the caller's own account: give the key for ARNs without
    account (S3). AWS's managed policies are at home in every account.
    """

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, str | list[str]]

    @property
    def resource_account(self) -> str:
        owner = self.context.get("aws:resourceaccount")
        if isinstance(owner, str):
            return owner
        parts = self.resource.split(":", 5)
        named = parts[4] if len(parts) == 6 else ""
        return named if named not in ("", _EVERYBODYS) else self.principal.account

    def get(self, key: str, /) -> str | Sequence[str] | None:
        """Value of a condition key or variable."""
        value = self.context.get(key)
        return principal_keys(self.principal).get(key) if value is None else value


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Checked documents. `session` is None when the credentials are not limited by session policies."""

    identity: Sequence[Document] = ()
    boundary: Document | None = None
    session: Sequence[Document] | None = None
    resource: Sequence[Document] = ()

    def layers(self) -> list[tuple[str, Sequence[Document]]]:
        """Every kind of policy that is there, with its documents."""
        found: list[tuple[str, Sequence[Document]]] = [(IDENTITY, self.identity)]
        if self.resource:
            found.append((RESOURCE, self.resource))
        if self.boundary is not None:
            found.append((BOUNDARY, (self.boundary,)))
        if self.session is not None:
            found.append((SESSION, self.session))
        return found

    def asks_resource_tags(self) -> bool:
        """Whether any policy looks at the tags of the resource: finding them costs a query."""
        return any(compile_policy(document).asks_resource_tags for _, layer in self.layers() for document in layer)

    def asks_object_tags(self) -> bool:
        """The same for the tags of an object of S3."""
        return any(compile_policy(document).asks_object_tags for _, layer in self.layers() for document in layer)


@dataclass(frozen=True, slots=True)
class Decision:
    """`statement` is the one that decided (none for an implicit deny and for root), `source` its kind of policy;
    for an implicit deny `source` is the kind that failed to allow."""

    allowed: bool
    reason: Reason
    statement: Mapping[str, Any] | None = None
    source: str = IDENTITY

    def message(self, request: AccessRequest) -> str:
        """The text of the error, in AWS's wording, and the Sid of the statement that denies."""
        caller = request.principal.arn or "anonymous"
        text = f"User: {caller} is not authorized to perform: {request.action} on resource: {request.resource}"
        if self.reason == "explicitDeny":
            sid = (self.statement or {}).get("Sid")
            which = f" (statement {sid})" if sid else ""
            return f"{text} with an explicit deny in {_ARTICLES[self.source]} {self.source}{which}"
        return f"{text} because no {self.source} allows the {request.action} action"


@dataclass(frozen=True, slots=True)
class Match:
    """A statement that fits a request: the `number`th document of the layer `source`."""

    source: str
    number: int
    statement: Mapping[str, Any]
    allow: bool


def evaluate(request: AccessRequest, policies: PolicySet) -> Decision:
    """Decide a request to act on a resource."""
    principal = request.principal
    at_home = request.resource_account == principal.account
    if principal.kind == "root" and at_home and policies.session is None:
        return _ROOT
    denied = _denied(request, policies)
    if denied:
        return denied
    grant, grantor = _resource_grant(request, policies.resource) if policies.resource else (Grant.NONE, None)
    if not at_home and grant is Grant.NONE:
        return Decision(False, "implicitDeny", source=RESOURCE)
    if grant is Grant.DIRECT and (at_home or principal.kind in ("anonymous", "service")):
        return Decision(True, "allowed", grantor, RESOURCE)
    return _allowed_by_identity(request, policies, grantor if at_home and grant is Grant.ROLE else None)


def evaluate_trust(request: AccessRequest, policies: PolicySet) -> Decision:
    """Decide sts:AssumeRole. `policies.resource` holds the role's trust policy, which must allow in any case:
    not even root and administrators of the account get past it."""
    denied = _denied(request, policies)
    if denied:
        return Decision(False, "explicitDeny", denied.statement, TRUST) if denied.source == RESOURCE else denied
    grant, grantor = _resource_grant(request, policies.resource)
    if grant is Grant.NONE:
        return Decision(False, "implicitDeny", source=TRUST)
    at_home = request.resource_account == request.principal.account
    # Only a trust policy at home, one that means the caller, or root (who needs no policy of its own) suffice.
    if at_home and (grant is Grant.DIRECT or request.principal.kind == "root"):
        return Decision(True, "allowed", grantor, TRUST)
    return evaluate(request, policies)


def matches(request: AccessRequest, policies: PolicySet) -> list[Match]:
    """Every statement that fits the request; slower than `evaluate`, for explanations."""
    action = request.action.lower()
    found = []
    for source, documents in policies.layers():
        for number, document in enumerate(documents):
            for statement in compile_policy(document).statements:
                if statement.has_action(action) and _fits(statement, request, source):
                    found.append(Match(source, number, statement.source, statement.allow))
    return found


def time_keys(now: datetime) -> dict[str, str]:
    """Condition keys that say when a request is made."""
    return {"aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "aws:epochtime": str(int(now.timestamp()))}


_ROOT = Decision(True, "allowed")


def _denied(request: AccessRequest, policies: PolicySet) -> Decision | None:
    action = request.action.lower()
    for source, documents in policies.layers():
        for document in documents:
            for statement in compile_policy(document).for_action(action)[0]:
                if _fits(statement, request, source):
                    return Decision(False, "explicitDeny", statement.source, source)
    return None


def _fits(statement: Statement, request: AccessRequest, source: str) -> bool:
    if source == RESOURCE and statement.grant(request.principal) is Grant.NONE:
        return False
    return statement.applies(request.resource, request)


def _resource_grant(request: AccessRequest, documents: Sequence[Document]) -> tuple[Grant, Mapping[str, Any] | None]:
    """The strongest allow of the resource's own policies."""
    best, grantor = Grant.NONE, None
    action = request.action.lower()
    for document in documents:
        for statement in compile_policy(document).for_action(action)[1]:
            grant = statement.grant(request.principal)
            if grant > best and statement.applies(request.resource, request):
                best, grantor = grant, statement.source
    return best, grantor


def _allowed_by_identity(
    request: AccessRequest, policies: PolicySet, role_grant: Mapping[str, Any] | None
) -> Decision:
    allowing = _allowing(request, policies.identity)
    decided = Decision(True, "allowed", allowing.source) if allowing else None
    if decided is None and request.principal.kind == "root":
        decided = _ROOT  # root of another account: its own side needs no policy
    if decided is None and role_grant is not None:
        decided = Decision(True, "allowed", role_grant, RESOURCE)
    if decided is None:
        return Decision(False, "implicitDeny", source=IDENTITY)
    if policies.boundary is not None and not _allowing(request, (policies.boundary,)):
        return Decision(False, "implicitDeny", source=BOUNDARY)
    if policies.session is not None and not _allowing(request, policies.session):
        return Decision(False, "implicitDeny", source=SESSION)
    return decided


def _allowing(request: AccessRequest, documents: Sequence[Document]) -> Statement | None:
    action = request.action.lower()
    for document in documents:
        for statement in compile_policy(document).for_action(action)[1]:
            if statement.applies(request.resource, request):
                return statement
    return None
