"""Finding IAM's rows, its errors, its ARNs and its pages. IAM is global: rows have no region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from clary.base.errors import AccessDenied, ApiError
from clary.services.context import Context
from clary.store import principals, resources
from clary.store.database import Transaction
from clary.store.principals import AWS
from clary.store.resources import Query, Resource

T = TypeVar("T")


class NoSuchEntity(ApiError):
    code = "NoSuchEntity"
    status = 404


class EntityAlreadyExists(ApiError):
    code = "EntityAlreadyExists"
    status = 409


class DeleteConflict(ApiError):
    code = "DeleteConflict"
    status = 409


class LimitExceeded(ApiError):
    code = "LimitExceeded"
    status = 409


class InvalidInput(ApiError):
    code = "InvalidInput"
    status = 400


def role_arn(account: str, path: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role{path}{name}"


def role_resource(context: Context, request: dict[str, Any]) -> str:
    """The ARN that permissions are checked on: the role's own, or the one it would get."""
    name = request["RoleName"]
    with context.database.read() as tx:
        found = resources.find(tx, context.account, "", principals.ROLE, name)
    return found.arn if found else role_arn(context.account, request.get("Path", "/"), name)


def policy_resource(_context: Context, request: dict[str, Any]) -> str:
    arn: str = request["PolicyArn"]
    return arn


def get_role_row(tx: Transaction, context: Context, name: str) -> Resource:
    found = resources.find(tx, context.account, "", principals.ROLE, name)
    if found is None:
        raise NoSuchEntity(f"The role with name {name} cannot be found.")
    return found


def role_rows(tx: Transaction, context: Context) -> list[Resource]:
    """All roles of the account, by name."""
    return resources.page(tx, Query(context.account, "", principals.ROLE, sort="name", limit=100_000))


def get_policy_row(tx: Transaction, context: Context, arn: str) -> Resource:
    found = resources.find_by_arn(tx, arn)
    if found is None or found.kind != principals.POLICY or found.account not in {context.account, AWS}:
        raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")
    return found


def get_own_policy_row(tx: Transaction, context: Context, arn: str) -> Resource:
    """A policy that may be changed: those under AWS's names may not."""
    found = get_policy_row(tx, context, arn)
    if found.account == AWS:
        raise AccessDenied(f"Policy {arn} is outside your own account.")
    return found


def save_role(tx: Transaction, context: Context, role: Resource, changes: Mapping[str, Any]) -> Resource:
    return resources.save(tx, role, document={**role.document, **changes}, now=context.now)


def encoded(text: str) -> str:
    """IAM answers policy documents percent-encoded; SDKs decode them."""
    return quote(text, safe="")


def check_size(limit: int, message: str, *texts: str) -> None:
    """White space does not count towards the size of policies."""
    if sum(len("".join(text.split())) for text in texts) > limit:
        raise LimitExceeded(message)


def given(members: Mapping[str, Any]) -> dict[str, Any]:
    """Members that have a value; the others are left out of an answer."""
    return {name: value for name, value in members.items() if value is not None}


def page(
    context: Context,
    request: dict[str, Any],
    operation: str,
    items: Sequence[T],
    key: Callable[[T], str],
    member: str,
) -> tuple[list[T], dict[str, Any]]:
    """One page of `items` in the order of `key`, and the members that say whether there is more."""
    ordered = sorted(items, key=key)
    scope = f"{context.account}/{member}"
    if request.get("Marker"):
        (last,) = context.pager.decode(operation, scope, request["Marker"])
        ordered = [item for item in ordered if key(item) > last]
    size = request.get("MaxItems", 100)
    if len(ordered) <= size:
        return ordered, {"IsTruncated": False}
    token = context.pager.encode(operation, scope, [key(ordered[size - 1])])
    return ordered[:size], {"IsTruncated": True, "Marker": token}
