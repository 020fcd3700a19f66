"""CreateQueue, GetQueueUrl, ListQueues, PurgeQueue, DeleteQueue, ListDeadLetterSourceQueues."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.sqs import names
from clary.services.sqs.attributes import DEFAULTS, FIFO_DEFAULTS, checked, present
from clary.services.sqs.tags import check_tags
from clary.store import deduplication, resources, tags
from clary.store import queues as messages
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_PAGE = 1000


def create_queue(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The same name with the same attributes is the same queue."""
    name, given = request["QueueName"], dict(request.get("Attributes") or {})
    fifo = given.get("FifoQueue", "false").lower() == "true"
    if given.get("FifoQueue", "").lower() == "false":
        raise names.failure("InvalidAttributeName", "Unknown Attribute FifoQueue.")
    names.check_name(name, fifo=fifo)
    arn = names.arn_of_name(context.region, context.account, name)
    with context.database.write() as tx:
        wanted = checked(context, tx, arn, given, fifo=fifo)
        queue = resources.find(tx, context.account, context.region, names.KIND, name)
        if queue is None:
            queue = _insert(
                context, tx, name, arn, {**DEFAULTS, **(FIFO_DEFAULTS if fifo else {}), **present(wanted)}
            )
            check_tags(request.get("tags") or {})
            tags.put(tx, arn, request.get("tags") or {})
        else:
            _check_same(queue, name, wanted)
    return {"QueueUrl": names.url_of(context, queue)}


def get_queue_url(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    account = request.get("QueueOwnerAWSAccountId") or context.account
    with context.database.read() as tx:
        queue = names.find_queue(tx, context.region, account, request["QueueName"])
    if queue is None:
        raise names.no_such_queue()
    return {"QueueUrl": names.url_of(context, queue)}


def list_queues(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Up to 1000 by name; there are tokens only for those who give MaxResults."""
    prefix, token = request.get("QueueNamePrefix", ""), request.get("NextToken")
    size, scope = _page_size(request), f"{context.account}/{context.region}/{prefix}"
    query = Query(
        account=context.account,
        region=context.region,
        kind=names.KIND,
        name_prefix=prefix or None,
        sort="name",
        limit=size + 1,
        after=context.pager.decode("ListQueues", scope, token) if token else None,
    )
    with context.database.read() as tx:
        found = resources.page(tx, query)
    shown = [names.url_of(context, queue) for queue in found[:size] if queue.name.startswith(prefix)]
    page: dict[str, Any] = {"QueueUrls": shown} if shown else {}
    if len(found) > size and "MaxResults" in request:
        page["NextToken"] = context.pager.encode("ListQueues", scope, resources.position(found[size - 1], "name"))
    return page


def purge_queue(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Done when it is answered, so that none is ever still going on."""
    with context.database.write() as tx:
        messages.purge(tx, names.get_queue(context, tx, request).id)
    return {}


def delete_queue(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        messages.purge(tx, queue.id)
        deduplication.forget(tx, queue.id)
        tags.drop_all(tx, queue.arn)
        resources.remove(tx, queue, now=context.now)
    return {}


def list_dead_letter_source_queues(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The queues whose RedrivePolicy names this one, by name."""
    size, token = _page_size(request), request.get("NextToken")
    with context.database.read() as tx:
        letters = names.get_queue(context, tx, request)
        sources = sorted(_sources(tx, letters), key=lambda queue: queue.name)
    if token:
        (last,) = context.pager.decode("ListDeadLetterSourceQueues", letters.arn, token)
        sources = [queue for queue in sources if queue.name > last]
    page: dict[str, Any] = {"queueUrls": [names.url_of(context, queue) for queue in sources[:size]]}
    if len(sources) > size and "MaxResults" in request:
        page["NextToken"] = context.pager.encode("ListDeadLetterSourceQueues", letters.arn, [sources[size - 1].name])
    return page


def _insert(context: Context, tx: Transaction, name: str, arn: str, attributes: dict[str, str]) -> Resource:
    return resources.create(
        tx,
        account=context.account,
        region=context.region,
        kind=names.KIND,
        name=name,
        arn=arn,
        document={"attributes": attributes},
        now=context.now,
    )


def _check_same(queue: Resource, name: str, wanted: dict[str, str]) -> None:
    if queue.name != name:
        text = f"A queue already exists whose name differs only in case: {queue.name}"
        raise names.failure("QueueNameExists", text)
    for attribute, value in wanted.items():
        if names.attribute(queue, attribute) != value:
            raise names.failure(
                "QueueNameExists",
                f"A queue already exists with the same name and a different value for attribute {attribute}",
            )


def _sources(tx: Transaction, letters: Resource) -> list[Resource]:
    found = []
    for queue in resources.all_of_kind(tx, names.KIND):
        policy = names.redrive(queue)
        if policy is not None and policy[0] == letters.arn:
            found.append(queue)
    return found


def _page_size(request: dict[str, Any]) -> int:
    size: int = request.get("MaxResults", _PAGE)
    if not 1 <= size <= _PAGE:
        raise names.invalid("MaxResults", size, "It must be between 1 and 1000.")
    return size
