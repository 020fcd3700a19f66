"""PutEvents and TestEventPattern. Events that cannot be taken are answered one by one."""

from __future__ import annotations

import json
import uuid
from typing import Any

from clary.base.arns import Arn
from clary.base.errors import ApiError, NotServed, ValidationException
from clary.events.envelope import envelope
from clary.events.passage import Passage, read_passage
from clary.events.patterns import compile_pattern
from clary.services.context import Context
from clary.services.events import names
from clary.store import outbox, resources
from clary.store.database import Transaction

_LARGEST = 262_144
_DEEPEST = 100


def put_events(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Each bus is authorised with its own policy; the entries are taken in one transaction."""
    if request.get("EndpointId"):
        raise NotServed("PutEvents with EndpointId is not served by this version of Clary.")
    entries = request["Entries"]
    buses = [names.bus_of(context, entry.get("EventBusName")) for entry in entries]
    for bus in set(buses):
        context.authorize("events:PutEvents", str(bus), None, names.policies_of_bus(context, bus))
    size = sum(_size(entry) for entry in entries)
    if size > _LARGEST:
        raise ValidationException(f"Total size of the entries in the request is over the limit: {_LARGEST} bytes.")
    with context.database.write() as tx:
        answers = [_put(tx, context, entry, bus) for entry, bus in zip(entries, buses, strict=True)]
    return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}


def match_event_pattern(_context: Context, request: dict[str, Any]) -> dict[str, Any]:
    pattern = compile_pattern(request["EventPattern"])
    try:
        event = _parsed(request["Event"])
    except ValueError:
        raise ValidationException("Parameter Event is not valid.") from None
    missing = {"id", "account", "source", "time", "region", "resources", "detail-type"} - event.keys()
    if missing:
        raise ValidationException(f"Parameter Event is not valid. Reason: it lacks {sorted(missing)[0]}.")
    return {"Result": pattern.matches(event)}


def _put(tx: Transaction, context: Context, entry: dict[str, Any], bus: Arn) -> dict[str, str]:
    passage = _passage(context, entry)
    try:
        event = _event(context, entry, bus, passage)
    except ApiError as error:
        return {"ErrorCode": error.code, "ErrorMessage": error.message}
    if _exists(tx, bus):  # AWS takes events for buses that do not exist, and forgets them
        document = {"bus": names.bus_name(bus), "event": event, "hops": passage.hops}
        outbox.add(tx, account=bus.account, region=bus.region, topic="event", document=document, at=context.now)
    return {"EventId": event["id"]}


def _event(context: Context, entry: dict[str, Any], bus: Arn, passage: Passage) -> dict[str, Any]:
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            raise _refused(
                "InvalidArgument", f"Parameter {member} is not valid. Reason: {member} is a required argument."
            )
    if entry["Source"].startswith("aws.") and not _forwarded(context):
        raise _refused("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = _parsed(entry["Detail"])
    except ValueError:
        raise _refused("MalformedDetail", "Detail is malformed.") from None
    return envelope(
        source=entry["Source"],
        detail_type=entry["DetailType"],
        detail=detail,
        account=context.account,
        region=bus.region,
        time=entry.get("Time") or context.now,
        resources=entry.get("Resources") or [],
        event_id=passage.event_id,
    )


def _passage(context: Context, entry: dict[str, Any]) -> Passage:
    """An event keeps its id and counts its hops when it comes from a rule or a schedule, else it is a new one."""
    brought = read_passage(entry.get("TraceHeader") or "") if _own_source(context) else None
    return brought or Passage(str(uuid.uuid4()), 0)


def _forwarded(context: Context) -> bool:
    """A rule passes an event on."""
    return ":rule/" in _own_source(context)


def _own_source(context: Context) -> str:
    """The ARN of the rule or schedule that Clary calls itself for; only its own calls have one."""
    source = context.condition_keys.get("aws:sourcearn", "")
    return source if context.user_agent == "clary" and isinstance(source, str) else ""


def _exists(tx: Transaction, bus: Arn) -> bool:
    name = names.bus_name(bus)
    return name == names.DEFAULT or resources.find(tx, bus.account, bus.region, names.BUS, name) is not None


def _size(entry: dict[str, Any]) -> int:
    """As AWS counts: 14 bytes for the time, and the UTF-8 of the rest."""
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or [])]
    return (14 if entry.get("Time") else 0) + sum(len(text.encode()) for text in texts if text)


def _parsed(text: str) -> dict[str, Any]:
    """A JSON object that is not nested too deeply; ValueError else."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict) or _deeper_than(value, _DEEPEST):
        raise ValueError("not an object, or nested too deeply")
    return value


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        items = [item for node in level for item in (node.values() if isinstance(node, dict) else node)]
        level = [item for item in items if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _refused(code: str, message: str) -> ApiError:
    return ApiError(message, code=code, status=400)
