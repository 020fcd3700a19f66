"""Policy documents prepared for evaluation: each document is compiled once and kept while it is in use.

A compiled document is found again by the identity of the (never changed) dict it came from, or else by its text. That
makes the common question, "may this known principal invoke this endpoint?", a few dictionary look-ups.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from clary.access.conditions import Condition, compile_conditions
from clary.access.patterns import Facts, Matcher, Pattern, compile_pattern, matcher, parse_pattern, settled
from clary.access.principals import Principal

_MAX_IDENTITIES = 1024
_MAX_DOCUMENTS = 4096
_MAX_ACTIONS = 2048
_VARIABLE_NAME = re.compile(r"\$\{([^*?$},]+)")


class Grant(IntEnum):
    """How exactly the Principal element of a resource policy means the caller.

    ACCOUNT leaves the decision to the account's own policies, ROLE stands in for an identity policy, DIRECT
    needs no further permission inside the same account.
    """

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement. `source` is the statement as it was written."""

    source: Mapping[str, Any]
    allow: bool
    actions: tuple[Matcher, ...]
    not_actions: tuple[Matcher, ...]
    resources: tuple[Pattern, ...]
    not_resources: tuple[Pattern, ...]
    principals: Mapping[str, tuple[str, ...]]
    not_principals: Mapping[str, tuple[str, ...]]
    conditions: tuple[Condition, ...]

    def has_action(self, action: str) -> bool:
        """`action` in lower case."""
        if self.not_actions:
            return not any(fits(action) for fits in self.not_actions)
        return any(fits(action) for fits in self.actions)

    def applies(self, resource: str, facts: Facts) -> bool:
        """Whether resource and conditions fit; the action was checked before."""
        # Plain loops: this runs on every invocation, and generators would cost more than the work itself.
        for pattern in self.not_resources:
            if pattern.matches(resource, facts, unresolved=self.allow):
                return False
        for pattern in self.resources:
            if pattern.matches(resource, facts):
                break
        else:
            if self.resources:
                return False
        for condition in self.conditions:  # noqa: SIM110  # see above
            if not condition.holds(facts):
                return False
        return True

    def grant(self, principal: Principal) -> Grant:
        """How the statement of a resource policy means `principal`."""
        if self.not_principals:
            return Grant.DIRECT if _grant(self.not_principals, principal) is Grant.NONE else Grant.NONE
        return _grant(self.principals, principal)


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled document. `asks_resource_tags`: whether it matters which tags the resource has; `asks_object_tags`
    the same for an object of S3, whose tags have a key of their own."""

    document: Mapping[str, Any]
    statements: tuple[Statement, ...]
    asks_resource_tags: bool
    asks_object_tags: bool
    _by_action: dict[str, tuple[tuple[Statement, ...], tuple[Statement, ...]]] = field(default_factory=dict)

    def for_action(self, action: str) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
        """(deny, allow) statements that name `action` (in lower case)."""
        known = self._by_action.get(action)
        if known is None:
            named = [statement for statement in self.statements if statement.has_action(action)]
            known = (tuple(s for s in named if not s.allow), tuple(s for s in named if s.allow))
            if len(self._by_action) >= _MAX_ACTIONS:
                self._by_action.clear()
            self._by_action[action] = known
        return known

    def asked_keys(self) -> dict[str, str]:
        """Condition keys and variables that it asks for: in lower case, and as they are written."""
        written = [
            key for item in self.statements for block in item.source.get("Condition", {}).values() for key in block
        ]
        if self.document.get("Version") == "2012-10-17":
            written += [name.strip() for name in _VARIABLE_NAME.findall(json.dumps(self.document))]
        return {key.lower(): key for key in reversed(written)}


_by_identity: dict[int, tuple[Mapping[str, Any], Policy]] = {}
_by_text: dict[str, Policy] = {}
_lock = threading.Lock()


def compile_policy(document: Mapping[str, Any]) -> Policy:
    """The compiled form of a checked document (see `documents`); the document must not change afterwards."""
    found = _by_identity.get(id(document))
    if found is not None and found[0] is document:
        return found[1]
    # The same document read from the store again, such as a role's trust policy with every job.
    text = json.dumps(document)
    policy = _by_text.get(text) or _compile(document, text)
    with _lock:
        if len(_by_identity) >= _MAX_IDENTITIES:
            _by_identity.clear()
        if len(_by_text) >= _MAX_DOCUMENTS:
            _by_text.clear()
        _by_identity[id(document)] = document, policy
        _by_text[text] = policy
    return policy


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _compile(document: Mapping[str, Any], text: str) -> Policy:
    variables = document.get("Version") == "2012-10-17"
    statements = tuple(_statement(item, variables) for item in as_list(document["Statement"]))
    lower = text.lower()
    return Policy(document, statements, "resourcetag/" in lower, "existingobjecttag/" in lower)


def _statement(item: Mapping[str, Any], variables: bool) -> Statement:
    allow = item["Effect"] == "Allow"

    def each(element: str, compile_one: Callable[[str], Any]) -> tuple[Any, ...]:
        return tuple(compile_one(text) for text in as_list(item[element])) if element in item else ()

    def resource(text: str) -> Pattern:
        return compile_pattern(text, variables=variables)

    return Statement(
        source=item,
        allow=allow,
        actions=each("Action", _action),
        not_actions=each("NotAction", _action),
        resources=each("Resource", resource),
        not_resources=each("NotResource", resource),
        principals=_principals(item.get("Principal")),
        not_principals=_principals(item.get("NotPrincipal")),
        conditions=compile_conditions(item.get("Condition", {}), variables=variables, allow=allow),
    )


def _action(text: str) -> Matcher:
    return matcher(settled(parse_pattern(text.lower(), wildcards=True, variables=False)))


def _principals(element: Any) -> Mapping[str, tuple[str, ...]]:
    if element is None:
        return {}
    if element == "*":
        return {"AWS": ("*",)}
    return {kind: tuple(as_list(values)) for kind, values in element.items()}


def _grant(principals: Mapping[str, tuple[str, ...]], principal: Principal) -> Grant:
    if principal.kind == "service":
        everyone = "*" in principals.get("AWS", ())
        return Grant.DIRECT if everyone or principal.arn in principals.get("Service", ()) else Grant.NONE
    return max((_grant_of_arn(text, principal) for text in principals.get("AWS", ())), default=Grant.NONE)


def _grant_of_arn(text: str, principal: Principal) -> Grant:
    if text == "*":
        return Grant.DIRECT
    if principal.kind == "anonymous":
        return Grant.NONE
    if text in (principal.account, f"arn:aws:iam::{principal.account}:root"):
        return Grant.ACCOUNT
    if text == principal.arn:
        return Grant.DIRECT
    return Grant.ROLE if text == principal.role_arn else Grant.NONE
