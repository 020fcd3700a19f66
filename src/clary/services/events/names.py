"""Names and ARNs of buses and rules, the errors of EventBridge, and how its lists page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from clary.access.documents import parse_resource_policy
from clary.access.evaluation import Document
from clary.base.arns import Arn, parse_arn
from clary.base.errors import ApiError, ValidationException
from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

BUS, RULE, CONNECTION, DESTINATION = "event-bus", "event-rule", "event-connection", "api-destination"
DEFAULT = "default"
_PAGE = 100


def not_found(text: str) -> ApiError:
    return ApiError(text, code="ResourceNotFoundException", status=400)


def taken(text: str) -> ApiError:
    return ApiError(text, code="ResourceAlreadyExistsException", status=400)


def too_many(text: str) -> ApiError:
    return ApiError(text, code="LimitExceededException", status=400)


def arn(context: Context, resource: str) -> str:
    return str(Arn("events", context.region, context.account, resource))


def bus_of(context: Context, text: str | None) -> Arn:
    """The ARN of a bus that a request names by its name or ARN."""
    if text is None or not text.startswith("arn:"):
        return Arn("events", context.region, context.account, f"event-bus/{text or DEFAULT}")
    parsed = parse_arn(text)
    if parsed.service != "events" or parsed.resource_type != "event-bus":
        raise ValidationException(f"{text} is not the ARN of an event bus.")
    return parsed


def bus_name(bus: Arn) -> str:
    return bus.resource.partition("/")[2]


def rule_arn(context: Context, bus: Arn, name: str) -> str:
    """Rules of the default bus have no bus in their ARN."""
    path = name if bus_name(bus) == DEFAULT else f"{bus_name(bus)}/{name}"
    return arn(context, f"rule/{path}")


def named_bus(context: Context, request: dict[str, Any]) -> str:
    """For dispatch tables: the bus of requests that call it Name."""
    return str(bus_of(context, request.get("Name")))


def own_bus(context: Context, request: dict[str, Any]) -> str:
    """For dispatch tables: the bus of requests that call it EventBusName."""
    return str(bus_of(context, request.get("EventBusName")))


def named_rule(context: Context, request: dict[str, Any]) -> str:
    bus = bus_of(context, request.get("EventBusName"))
    return rule_arn(context, bus, request.get("Rule") or request["Name"])


def any_rule(context: Context, _request: dict[str, Any]) -> str:
    return arn(context, "rule/*")


def tagged(_context: Context, request: dict[str, Any]) -> str:
    return str(request["ResourceARN"])


def check_bus(context: Context, tx: Transaction, bus: Arn) -> str:
    """The name of a bus of the caller that exists; the default one always does."""
    name = bus_name(bus)
    own = (bus.account, bus.region) == (context.account, context.region)
    exists = own and (name == DEFAULT or resources.find(tx, context.account, context.region, BUS, name) is not None)
    if not exists:
        raise not_found(f"Event bus {name} does not exist.")
    return name


def get_rule(tx: Transaction, context: Context, request: dict[str, Any], member: str = "Rule") -> Resource:
    name = check_bus(context, tx, bus_of(context, request.get("EventBusName")))
    found = resources.find(tx, context.account, context.region, RULE, request[member], parent=name)
    if found is None or found.name != request[member]:
        raise not_found(f"Rule {request[member]} does not exist on EventBus {name}.")
    return found


def policies_of_bus(context: Context, bus: Arn) -> Sequence[Document]:
    """The resource policy of a bus, whoever owns it."""
    with context.database.read() as tx:
        found = resources.find(tx, bus.account, bus.region, BUS, bus_name(bus))
    policy = found.document.get("policy") if found else None
    return (_parsed(policy),) if policy else ()


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Document:
    """One object for each text, so that it is compiled once."""
    return parse_resource_policy(text)


def page(
    context: Context,
    request: dict[str, Any],
    operation: str,
    kind: str,
    *,
    parent: str | None = None,
    prefix: str | None = None,
) -> tuple[list[Resource], dict[str, str]]:
    """Rows in the order of their names, and the members that lead to the next page."""
    size = request.get("Limit", _PAGE)
    scope = f"{context.account}/{context.region}/{kind}/{parent}/{prefix}"
    token = request.get("NextToken")
    after = context.pager.decode(operation, scope, token) if token else None
    query = Query(
        context.account,
        context.region,
        kind,
        parent=parent,
        name_prefix=prefix,
        sort="name",
        limit=size + 1,
        after=after,
    )
    with context.database.read() as tx:
        rows = resources.page(tx, query)
    if len(rows) <= size:
        return rows, {}
    return rows[:size], {
        "NextToken": context.pager.encode(operation, scope, resources.position(rows[size - 1], "name"))
    }
