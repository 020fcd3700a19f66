"""Names of parameters: which are possible, how requests select a version by them, and their ARNs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.ssm.errors import not_found, ssm_error, version_not_found
from clary.store import parameters
from clary.store.database import Transaction
from clary.store.parameters import Parameter, Version

_NAME = re.compile(r"[a-zA-Z0-9_.\-/]{1,1011}")
_LEVELS = 15
_ARN = re.compile(r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/(.+)")


@dataclass(frozen=True, slots=True)
class Selected:
    """`selector` is a version's number, a label or empty; `asked` is the name as it was given, without it."""

    name: str
    selector: str
    asked: str


def select(context: Context, text: str) -> Selected:
    """`name`, `name:3`, `name:label`, or an ARN with or without selector."""
    match = _ARN.fullmatch(text)
    asked, name, selector = text, text, ""
    if match:
        prefix = text[: match.start(1)]
        if not prefix.startswith(f"arn:aws:ssm:{context.region}:{context.account}:"):
            raise not_found(text[:200])
        name, _, selector = match[1].partition(":")
        asked = prefix + name
        name = f"/{name}" if "/" in name else name
    else:
        name, _, selector = text.partition(":")
        asked = name
    if not _NAME.fullmatch(name):
        raise ValidationException(
            f"Invalid name {name[:200]!r}: a parameter's name has letters, digits and the characters . - _ / only."
        )
    return Selected(name, selector, asked)


def arn(context: Context, name: str) -> str:
    return f"arn:aws:ssm:{context.region}:{context.account}:parameter/{name.removeprefix('/')}"


def named(context: Context, request: dict[str, Any]) -> str:
    """For dispatch tables: the parameter of `Name`."""
    return arn(context, select(context, request["Name"]).name)


def below_path(context: Context, request: dict[str, Any]) -> str:
    """For dispatch tables: the path of GetParametersByPath."""
    return arn(context, request["Path"].rstrip("/") or "/")


def check_new(name: str) -> None:
    """What a name must be for a parameter to be created."""
    if not _NAME.fullmatch(name):
        raise ValidationException(
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist '
            "of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
            "following 3 symbols .-_"
        )
    first = name.removeprefix("/").lower()
    if first.startswith(("aws", "ssm")):
        raise ValidationException(f'Parameter name: can\'t be prefixed with "{first[:3]}" (case-insensitive).')
    if "/" in name and not name.startswith("/"):
        raise ValidationException("Parameter name must be a fully qualified name.")
    if name.endswith("/") or "//" in name:
        raise ValidationException("A level of the parameter name is empty.")
    if name.count("/") > _LEVELS:
        raise ssm_error("HierarchyLevelLimitExceededException", f"Parameter name must have at most {_LEVELS} levels.")


def get(tx: Transaction, context: Context, name: str) -> Parameter:
    found = parameters.find(tx, context.account, context.region, name)
    if found is None:
        raise not_found(name)
    return found


def get_version(tx: Transaction, context: Context, selected: Selected) -> tuple[Parameter, Version]:
    """The parameter and the version that a selector means; the newest without one."""
    parameter = get(tx, context, selected.name)
    selector = selected.selector
    if not selector or (selector.isascii() and selector.isdigit() and len(selector) < 10):
        found = parameters.get_version(tx, parameter, int(selector or parameter.version))
    else:
        labelled = [row for row in parameters.versions(tx, parameter) if selector in row.document["Labels"]]
        found = labelled[0] if labelled else None
    if found is None:
        raise version_not_found(selected.name, selector)
    return parameter, found
