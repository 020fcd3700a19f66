"""How requests name functions (name, partial ARN, ARN, each with or without a qualifier), and finding them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from clary.base.errors import ApiError, NotServed
from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.functions import ALIAS, FUNCTION, LATEST, find_version
from clary.store.resources import Resource

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Named:
    """A function as a request names it; `qualifier` is empty when there is none."""

    account: str
    region: str
    name: str
    qualifier: str = ""

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def qualified_arn(self) -> str:
        return f"{self.arn}:{self.qualifier}" if self.qualifier else self.arn


def parse(context: Context, text: str, qualifier: str | None = None) -> Named:
    """Raises InvalidParameterValueException for what is no function's name."""
    account, region, rest = context.account, context.region, text
    if text.startswith("arn:"):
        parts = text.split(":", 6)
        if len(parts) != 7 or parts[2] != "lambda" or parts[5] != "function":
            raise invalid(f"Invalid ARN: {text[:200]}")
        region, account, rest = parts[3], parts[4], parts[6]
    elif ":function:" in text:
        account, _, rest = text.partition(":function:")
    name, _, inside = rest.partition(":")
    if region != context.region:
        raise not_found(f"Functions from '{region[:50]}' are not reachable in this region ('{context.region}')")
    if not _NAME.fullmatch(name):
        raise invalid(f"Invalid function name: {text[:200]}")
    if inside and qualifier and inside != qualifier:
        raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
    return Named(account, region, name, inside or qualifier or "")


def named(context: Context, request: dict[str, Any]) -> Named:
    return parse(context, request["FunctionName"], request.get("Qualifier"))


def function_arn(context: Context, request: dict[str, Any]) -> str:
    """For dispatch tables: the function, without qualifier."""
    return named(context, request).arn


def qualified_arn(context: Context, request: dict[str, Any]) -> str:
    """For dispatch tables: what is invoked."""
    return named(context, request).qualified_arn


def find(tx: Transaction, who: Named) -> Resource | None:
    """Names count with their case: permissions are decided by the name as the caller writes it."""
    found = resources.find(tx, who.account, who.region, FUNCTION, who.name)
    return found if found is not None and found.name == who.name else None


def is_taken(tx: Transaction, who: Named) -> bool:
    """Also by a name that differs in case only: the table of resources has one of them."""
    return resources.find(tx, who.account, who.region, FUNCTION, who.name) is not None


def get(tx: Transaction, who: Named) -> Resource:
    """The function, or the error that AWS answers when there is none."""
    found = find(tx, who)
    if found is None:
        raise not_found(f"Function not found: {who.qualified_arn}")
    return found


def get_alias(tx: Transaction, function: Resource, name: str) -> Resource | None:
    found = resources.find(tx, function.account, function.region, ALIAS, name, parent=function.name)
    return found if found is not None and found.name == name else None


def get_version(tx: Transaction, function: Resource, who: Named) -> tuple[Resource, str]:
    """The resource with the configuration that a qualifier means, and the version's name. Aliases are followed."""
    version = who.qualifier or LATEST
    if version != LATEST and not _NUMBER.fullmatch(version):
        alias = get_alias(tx, function, version)
        if alias is None:
            raise not_found(f"Function not found: {who.qualified_arn}")
        version = alias.document["FunctionVersion"]
    found = find_version(tx, function, version)
    if found is None:
        raise not_found(f"Function not found: {who.qualified_arn}")
    return found, version


def is_number(qualifier: str) -> bool:
    return bool(_NUMBER.fullmatch(qualifier))


def check_revision(request: dict[str, Any], current: str) -> None:
    if request.get("RevisionId", current) != current:
        raise ApiError(
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API "
            "to retrieve the latest Revision Id",
            code="PreconditionFailedException",
            status=412,
            Type="User",
        )


def refuse_unserved(operation: str, request: dict[str, Any], *members: str) -> None:
    """Answer 501 by name for parts of a request that would otherwise be silently ignored."""
    for member in members:
        if request.get(member):
            raise NotServed(f"{operation} with {member} is not served by this version of Clary.")


def invalid(message: str) -> ApiError:
    return ApiError(message, code="InvalidParameterValueException", status=400, Type="User")


def not_found(message: str) -> ApiError:
    return ApiError(message, code="ResourceNotFoundException", status=404, Type="User")


def conflict(message: str) -> ApiError:
    return ApiError(message, code="ResourceConflictException", status=409, Type="User")
