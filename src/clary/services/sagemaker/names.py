"""Names and ARNs of SageMaker resources, and the words AWS uses when one exists already or cannot be found.

Clients match on these texts (the SageMaker SDK looks for "Could not find", "already existing" and
"already exists"), so they are facts of the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clary.base.arns import sagemaker_arn
from clary.base.errors import ApiError, NotServed, ResourceInUse, ResourceNotFound, ValidationException
from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_WORDS: Mapping[str, str] = {"endpoint-config": "endpoint configuration"}
_JOBS = frozenset({"training-job", "processing-job", "hyper-parameter-tuning-job", "transform-job"})
_EXPERIMENTS = frozenset({"experiment", "experiment-trial", "experiment-trial-component"})
_LINEAGE = {"artifact": "Artifact", "action": "Action", "context": "Context"}


def named(kind: str, member: str) -> Callable[[Context, dict[str, Any]], str]:
    """For dispatch tables: the ARN of the resource that `member` of a request names."""

    def arn_of_request(context: Context, request: dict[str, Any]) -> str:
        return arn(context, kind, request[member])

    return arn_of_request


def arn(context: Context, kind: str, name: str) -> str:
    return sagemaker_arn(context.region, context.account, kind, name)


def get(tx: Transaction, context: Context, kind: str, name: str) -> Resource:
    """The resource, or the error AWS answers when there is none."""
    found = resources.find(tx, context.account, context.region, kind, name)
    if found is None:
        raise _missing(kind, arn(context, kind, name))
    return found


def add(
    tx: Transaction,
    context: Context,
    kind: str,
    name: str,
    document: dict[str, Any],
    status: str = "",
) -> Resource:
    """Create the resource, or raise the error AWS answers when the name is taken."""
    try:
        return resources.create(
            tx,
            account=context.account,
            region=context.region,
            kind=kind,
            name=name,
            arn=arn(context, kind, name),
            document=document,
            status=status,
            now=context.now,
        )
    except resources.AlreadyExists as error:
        raise _taken(kind, arn(context, kind, name)) from error


def refuse_unserved(operation: str, request: Mapping[str, Any], *members: str) -> None:
    """Answer 501 by name for parts of a request that would otherwise be silently ignored."""
    for member in members:
        if request.get(member):
            raise NotServed(f"{operation} with {member} is not served by this version of Clary.")


def _missing(kind: str, resource_arn: str) -> ApiError:
    if kind in _JOBS or kind in _EXPERIMENTS:
        return ResourceNotFound(f"Requested resource not found: {resource_arn}")
    return ValidationException(f'Could not find {_WORDS.get(kind, kind)} "{resource_arn}".')


def _taken(kind: str, resource_arn: str) -> ApiError:
    if kind in _JOBS:
        return ResourceInUse(
            "Job name must be unique within an AWS account and region, "
            f"and a job with this name already exists ({resource_arn})"
        )
    if kind in _EXPERIMENTS:
        return ValidationException(f"{resource_arn} already exists.")
    if kind in _LINEAGE:
        return ValidationException(f"{_LINEAGE[kind]} with ARN {resource_arn} already exists.")
    if kind == "model-package":
        return ValidationException(f"ModelPackage already exists: {resource_arn}")
    return ValidationException(f'Cannot create already existing {_WORDS.get(kind, kind)} "{resource_arn}".')
