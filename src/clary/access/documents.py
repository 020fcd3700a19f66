"""Policy text -> checked document. Everything that is stored or evaluated came through here.

Three flavours: identity policies (also boundaries, session and managed policies), trust policies of roles, and
policies of resources. What is wrong is said precisely, with the number of the statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from clary.access.conditions import compile_conditions, texts_of
from clary.base.errors import ApiError

Checker = Callable[[Mapping[str, Any], str], None]

MAX_CHARACTERS = 131_072
_VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
)
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_SID = re.compile(r"[A-Za-z0-9]*")
_ACCOUNT = re.compile(r"[0-9]{12}")
_PRINCIPAL_ARN = re.compile(r"arn:[a-z-]+:(iam|sts)::[0-9]{12}:(root|(user|role|assumed-role|federated-user)/[^*?]+)")
_PRINCIPAL_ID = re.compile(r"A(ID|RO)A[A-Z0-9]{16,}")


class MalformedPolicyDocument(ApiError):
    code = "MalformedPolicyDocument"
    status = 400


def parse_policy(text: str) -> dict[str, Any]:
    """An identity policy, permissions boundary, session policy or managed policy."""
    return _parse(text, _check_identity)


def parse_trust_policy(text: str) -> dict[str, Any]:
    """Who may assume a role."""
    return _parse(text, _check_trust)


def parse_resource_policy(text: str) -> dict[str, Any]:
    """A policy that hangs on a resource, such as a bucket policy."""
    return _parse(text, _check_resource)


def _parse(text: str, check: Checker) -> dict[str, Any]:
    if len(text) > MAX_CHARACTERS:
        _malformed(f"The policy is longer than {MAX_CHARACTERS} characters.")
    document = _load(text)
    if not isinstance(document, dict):
        _malformed("Syntax errors in policy: a policy is a JSON object.")
    unknown = document.keys() - {"Version", "Id", "Statement"}
    if unknown:
        _malformed(f"Syntax errors in policy: unknown element {min(unknown)}.")
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        _malformed(f"The policy's Version must be one of {' or '.join(_VERSIONS)}.")
    if not isinstance(document.get("Id", ""), str):
        _malformed("Syntax errors in policy: Id must be a string.")
    _check_statements(document, check)
    return document


def _load(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except MalformedPolicyDocument:
        raise
    except (ValueError, RecursionError):
        _malformed("This policy contains invalid Json")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        _malformed("Syntax errors in policy: an element is given twice.")
    return result


def _no_constant(text: str) -> NoReturn:
    _malformed(f"Syntax errors in policy: {text} is not JSON.")


def _check_statements(document: Mapping[str, Any], check: Checker) -> None:
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        _malformed("Syntax errors in policy: a Statement is required.")
    seen: set[str] = set()
    for number, statement in enumerate(statements, 1):
        where = f"statement {number}"
        if not isinstance(statement, dict):
            _malformed(f"Syntax errors in policy: {where} is not a JSON object.")
        sid = statement.get("Sid", "")
        if not isinstance(sid, str):
            _malformed(f"Syntax errors in policy: Sid of {where} must be a string.")
        if sid and sid in seen:
            _malformed("Statement IDs (SID) in a single policy must be unique.")
        seen.add(sid)
        _check_common(statement, where)
        check(statement, where)
        _check_condition(statement, where, variables=document.get("Version") == _VERSIONS[0])


def _check_common(statement: Mapping[str, Any], where: str) -> None:
    unknown = statement.keys() - _ELEMENTS
    if unknown:
        _malformed(f"Syntax errors in policy: unknown element {min(unknown)} in {where}.")
    if statement.get("Effect") not in ("Allow", "Deny"):
        _malformed(f"Syntax errors in policy: Effect of {where} must be Allow or Deny.")
    for element in ("Action", "Resource", "Principal"):
        if element in statement and f"Not{element}" in statement:
            _malformed(f"Syntax errors in policy: {where} has both {element} and Not{element}.")
    actions = _texts(statement, "Action", where) or _texts(statement, "NotAction", where)
    if not actions:
        _malformed(f"Policy statement must contain actions ({where}).")
    for action in actions:
        if not _ACTION.fullmatch(action):
            _malformed(f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {action!r}.")
    for resource in _texts(statement, "Resource", where) + _texts(statement, "NotResource", where):
        if resource != "*" and not _is_arn_pattern(resource):
            _malformed(f'Resource {resource} must be in ARN format or "*".')


def _is_arn_pattern(text: str) -> bool:
    parts = text.split(":")
    if parts[0] != "arn" or len(parts) < 3:
        return text.startswith("${")
    # A wildcard at the end of a part may stand for all the parts that follow.
    return len(parts) >= 6 or parts[-1].endswith("*")


def _check_identity(statement: Mapping[str, Any], where: str) -> None:
    if "Principal" in statement or "NotPrincipal" in statement:
        _malformed("Policy document should not specify a principal.")
    if "Resource" not in statement and "NotResource" not in statement:
        _malformed(f"Policy statement must contain resources ({where}).")
    if not _SID.fullmatch(statement.get("Sid", "")):
        _malformed(f"Statement IDs (SID) must be alpha-numeric: {where}.")


def _check_trust(statement: Mapping[str, Any], where: str) -> None:
    for element in ("Resource", "NotResource"):
        if element in statement:
            _malformed(f"Has prohibited field {element}")
    if "NotPrincipal" in statement:
        _malformed("AssumeRole policy may not use NotPrincipal.")
    if "Principal" not in statement:
        _malformed(f"Missing required field Principal ({where}).")
    for action in _texts(statement, "Action", where) + _texts(statement, "NotAction", where):
        if action != "*" and not action.lower().startswith("sts:"):
            _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    _check_principal(statement["Principal"], where)


def _check_resource(statement: Mapping[str, Any], where: str) -> None:
    element = "Principal" if "Principal" in statement else "NotPrincipal"
    if element not in statement:
        _malformed(f"Missing required field Principal ({where}).")
    if element == "NotPrincipal" and statement["Effect"] == "Allow":
        _malformed(f"Allow with NotPrincipal is not supported ({where}).")
    _check_principal(statement[element], where)


def _check_principal(element: Any, where: str) -> None:
    if element == "*":
        return
    if not isinstance(element, dict) or not element:
        _malformed(f"Invalid principal in policy ({where}).")
    for kind, values in element.items():
        if kind not in ("AWS", "Service", "Federated", "CanonicalUser"):
            _malformed(f"Invalid principal in policy: {kind} ({where}).")
        for value in _texts(element, kind, where):
            known = value == "*" or _ACCOUNT.fullmatch(value) or _PRINCIPAL_ARN.fullmatch(value)
            if kind == "AWS" and not known and not _PRINCIPAL_ID.fullmatch(value):
                _malformed(f'Invalid principal in policy: "AWS":"{value}"')
        if not values:
            _malformed(f"Invalid principal in policy ({where}).")


def _check_condition(statement: Mapping[str, Any], where: str, *, variables: bool) -> None:
    block = statement.get("Condition", {})
    if not isinstance(block, dict):
        _malformed(f"Syntax errors in policy: Condition of {where} must be a JSON object.")
    for operator, keys in block.items():
        if not isinstance(keys, dict):
            _malformed(f"Syntax errors in policy: {operator} in {where} must be a JSON object.")
        for key, values in keys.items():
            _check_condition_values(key, values, where)
    try:
        compile_conditions(block, variables=variables, allow=statement["Effect"] == "Allow")
    except ValueError as error:
        _malformed(f"Syntax errors in policy: {error} in Condition of {where}.")


def _check_condition_values(key: str, values: Any, where: str) -> None:
    items = values if isinstance(values, list) else [values]
    if ":" not in key:
        _malformed(f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {key!r}.")
    if not all(isinstance(item, str | int | float) for item in items):
        _malformed(f"Syntax errors in policy: values of {key} in {where} must be strings, numbers or booleans.")
    if any("\x00" in text for text in texts_of(values)):
        _malformed(f"Syntax errors in policy: value of {key} in {where} is not text.")


def _texts(element: Mapping[str, Any], name: str, where: str) -> list[str]:
    value = element.get(name, [])
    items: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) and item for item in items):
        _malformed(f"Syntax errors in policy: {name} of {where} must be strings.")
    return items


def _malformed(message: str) -> NoReturn:
    raise MalformedPolicyDocument(message)
