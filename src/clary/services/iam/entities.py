"""Finding IAM's rows, its errors, its ARNs and its pages. IAM is global: rows have no region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from clary.base.errors import AccessDenied, ApiError
from clary.services.context import Context
from clary.store import principals, resources
from clary.store.database import Transaction
from clary.store.principals import AWS
from clary.store.resources import Query, Resource
from clary.wire.paging import InvalidToken

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


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of thing with a name and a path: how its rows, members and texts are called."""

    kind: str
    word: str
    member: str
    title: str


ROLE = Entity(principals.ROLE, "role", "RoleName", "Role")
USER = Entity(principals.USER, "user", "UserName", "User")
GROUP = Entity(principals.GROUP, "group", "GroupName", "Group")
PROFILE = Entity(principals.PROFILE, "instance-profile", "InstanceProfileName", "InstanceProfile")
ENTITIES = (USER, GROUP, ROLE)
"""What policies hang on."""
NOT_ATTACHABLE = "does not exist or is not attachable."


def role_arn(account: str, path: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role{path}{name}"


def entity_arn(entity: Entity, account: str, path: str, name: str) -> str:
    return f"arn:aws:iam::{account}:{entity.word}{path}{name}"


def resource_of(entity: Entity) -> Callable[[Context, dict[str, Any]], str]:
    """The ARN that permissions are checked on: the thing's own, or the one it would get."""

    def find(context: Context, request: dict[str, Any]) -> str:
        if entity.member not in request and context.principal.kind != "user":
            return "*"  # whom it means comes out, as an error, once the caller may ask at all
        name = name_of(context, request, entity)
        with context.database.read() as tx:
            found = resources.find(tx, context.account, "", entity.kind, name)
        return found.arn if found else entity_arn(entity, context.account, request.get("Path", "/"), name)

    return find


role_resource, user_resource, group_resource = resource_of(ROLE), resource_of(USER), resource_of(GROUP)
profile_resource = resource_of(PROFILE)


def name_of(context: Context, request: Mapping[str, Any], entity: Entity) -> str:
    """The name in the request; where a user's may be left out, the caller is meant."""
    name: str | None = request.get(entity.member)
    if name is not None:
        return name
    if entity is USER and context.principal.kind == "user":
        return context.principal.arn.rpartition("/")[2]
    raise ApiError(
        f"Must specify {entity.member} when calling with non-User credentials", code="ValidationError", status=400
    )


def get_row(tx: Transaction, context: Context, entity: Entity, name: str) -> Resource:
    found = resources.find(tx, context.account, "", entity.kind, name)
    if found is None:
        named = f"Instance Profile {name}" if entity is PROFILE else f"The {entity.word} with name {name}"
        raise NoSuchEntity(f"{named} cannot be found.")
    return found


def rows_of(tx: Transaction, context: Context, entity: Entity) -> list[Resource]:
    """All of the account, by name."""
    return resources.page(tx, Query(context.account, "", entity.kind, sort="name", limit=100_000))


def create_row(tx: Transaction, context: Context, entity: Entity, name: str, document: dict[str, Any]) -> Resource:
    arn = entity_arn(entity, context.account, document["Path"], name)
    try:
        return resources.create(
            tx,
            account=context.account,
            region="",
            kind=entity.kind,
            name=name,
            arn=arn,
            document=document,
            now=context.now,
        )
    except resources.AlreadyExists as error:
        named = f"Instance Profile {name}" if entity is PROFILE else f"{entity.title} with name {name}"
        raise EntityAlreadyExists(f"{named} already exists.") from error


def check_bare(row: Resource) -> None:
    """Nothing that has policies can be deleted."""
    if row.document["Attached"]:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if row.document["Inline"]:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")


def policy_resource(_context: Context, request: dict[str, Any]) -> str:
    arn: str = request["PolicyArn"]
    return arn


def get_role_row(tx: Transaction, context: Context, name: str) -> Resource:
    return get_row(tx, context, ROLE, name)


def get_policy_row(tx: Transaction, context: Context, arn: str, lacking: str = "was not found.") -> Resource:
    """`lacking` ends the sentence that is told when there is no such policy."""
    found = resources.find_by_arn(tx, arn)
    if found is None or found.kind != principals.POLICY or found.account not in {context.account, AWS}:
        raise NoSuchEntity(f"Policy {arn} {lacking}")
    return found


def get_own_policy_row(tx: Transaction, context: Context, arn: str) -> Resource:
    """A policy that may be changed: those under AWS's names may not."""
    found = get_policy_row(tx, context, arn)
    if found.account == AWS:
        raise AccessDenied(f"Policy {arn} is outside your own account.")
    return found


def save(tx: Transaction, context: Context, row: Resource, changes: Mapping[str, Any]) -> Resource:
    return resources.save(tx, row, document={**row.document, **changes}, now=context.now)


def boundary_of(document: Mapping[str, Any]) -> dict[str, str] | None:
    """The PermissionsBoundary member of a user or role."""
    if not document.get("Boundary"):
        return None
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": document["Boundary"]}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


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
        try:
            (last,) = context.pager.decode(operation, scope, request["Marker"])
        except InvalidToken:
            raise InvalidToken("Invalid Marker") from None
        ordered = [item for item in ordered if key(item) > last]
    size = request.get("MaxItems", 100)
    if len(ordered) <= size:
        return ordered, {"IsTruncated": False}
    token = context.pager.encode(operation, scope, [key(ordered[size - 1])])
    return ordered[:size], {"IsTruncated": True, "Marker": token}
