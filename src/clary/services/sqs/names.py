"""Finding queues by URL or ARN, their URLs and ARNs, their own policies, and the errors of SQS."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from clary.access.documents import parse_resource_policy
from clary.access.evaluation import Document
from clary.base.errors import ApiError
from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

KIND = "queue"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_PATH = re.compile(r"/?([0-9]{12})/([A-Za-z0-9_.-]{1,80})/?")
_ARN = re.compile(r"arn:aws:sqs:([a-z0-9-]+):([0-9]{12}):([A-Za-z0-9_.-]{1,80})")


def invalid(parameter: str, value: object, reason: str) -> ApiError:
    text = f"Value {str(value)[:256]} for parameter {parameter} is invalid. Reason: {reason}"
    return ApiError(text, code="InvalidParameterValue", status=400)


def missing(parameter: str) -> ApiError:
    text = f"The request must contain the parameter {parameter}."
    return ApiError(text, code="MissingParameter", status=400)


def failure(code: str, message: str) -> ApiError:
    """An error that the model names."""
    return ApiError(message, code=code, status=400)


def no_such_queue() -> ApiError:
    return failure("QueueDoesNotExist", "The specified queue does not exist.")


def check_known(wanted: Iterable[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            raise failure("InvalidAttributeName", f"Unknown Attribute {name[:256]}.")


def check_name(name: str, *, fifo: bool) -> None:
    stem = name.removesuffix(".fifo") if fifo else name
    if not _NAME.fullmatch(stem) or len(name) > 80 or (fifo and stem == name):
        raise invalid(
            "QueueName",
            name,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
            + (" The name of a FIFO queue ends with .fifo." if fifo else ""),
        )


def arn_of_name(region: str, account: str, name: str) -> str:
    return f"arn:aws:sqs:{region}:{account}:{name}"


def url_of(context: Context, queue: Resource) -> str:
    """Under the address the caller uses; any other address of this installation does as well."""
    return f"{context.endpoint}/{queue.account}/{queue.name}"


def account_and_name(request: dict[str, Any]) -> tuple[str, str]:
    """From the QueueUrl. Only its path counts: callers may reach Clary under many names."""
    url = request["QueueUrl"]
    try:
        match = _PATH.fullmatch(urlsplit(url).path)
    except ValueError:
        match = None
    if match is None:
        raise failure("InvalidAddress", f"The address {url[:256]} is not valid for this endpoint.")
    return match[1], match[2]


def find_queue(tx: Transaction, region: str, account: str, name: str) -> Resource | None:
    """Names of queues are told apart by case."""
    queue = resources.find(tx, account, region, KIND, name)
    return queue if queue is not None and queue.name == name else None


def get_queue(context: Context, tx: Transaction, request: dict[str, Any]) -> Resource:
    account, name = account_and_name(request)
    queue = find_queue(tx, context.region, account, name)
    if queue is None:
        raise no_such_queue()
    return queue


def find_by_arn(context: Context, tx: Transaction, arn: str) -> Resource | None:
    """A queue of the same region."""
    match = _ARN.fullmatch(arn)
    return find_queue(tx, match[1], match[2], match[3]) if match and match[1] == context.region else None


def queue_arn(context: Context, request: dict[str, Any]) -> str:
    """The resource for which a caller needs permission."""
    account, name = account_and_name(request)
    return arn_of_name(context.region, account, name)


def named_arn(context: Context, request: dict[str, Any]) -> str:
    account = request.get("QueueOwnerAWSAccountId") or context.account
    return arn_of_name(context.region, account, request["QueueName"])


def every_queue(context: Context, _request: dict[str, Any]) -> str:
    return arn_of_name(context.region, context.account, "*")


def own_policies(context: Context, request: dict[str, Any]) -> Sequence[Document]:
    """The Policy attribute of the queue that the request names by its URL."""
    account, name = account_and_name(request)
    return _policies(context, account, name)


def policies_by_name(context: Context, request: dict[str, Any]) -> Sequence[Document]:
    return _policies(context, request.get("QueueOwnerAWSAccountId") or context.account, request["QueueName"])


def is_fifo(queue: Resource) -> bool:
    return queue.name.endswith(".fifo")


def attribute(queue: Resource, name: str) -> str:
    """An attribute that is set; empty otherwise. All are texts."""
    value: str = queue.document["attributes"].get(name, "")
    return value


def number(queue: Resource, name: str) -> int:
    return int(queue.document["attributes"][name])


def redrive(queue: Resource) -> tuple[str, int] | None:
    """ARN of the dead-letter queue, and after how many receives a message goes there."""
    text = attribute(queue, "RedrivePolicy")
    if not text:
        return None
    policy = json.loads(text)
    return policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])


def _policies(context: Context, account: str, name: str) -> Sequence[Document]:
    with context.database.read() as tx:
        queue = find_queue(tx, context.region, account, name)
    text = attribute(queue, "Policy") if queue else ""
    return (_parsed(text),) if text else ()


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Document:
    """One object for each text, so that it is compiled once."""
    return parse_resource_policy(text)
