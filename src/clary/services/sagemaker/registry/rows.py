"""Finding groups and packages by name or ARN, also those of other accounts, and the policies that bear on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from clary.access.evaluation import Document
from clary.base.arns import parse_arn, sagemaker_arn
from clary.base.errors import ApiError, ValidationException
from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

GROUP = "model-package-group"
PACKAGE = "model-package"


def arn_of(context: Context, kind: str, name_or_arn: str) -> str:
    """ARNs are lower case; a bare name means one's own account."""
    if name_or_arn.startswith("arn:"):
        return name_or_arn.lower()
    return sagemaker_arn(context.region, context.account, kind, name_or_arn)


def named_group(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table."""
    return arn_of(context, GROUP, request["ModelPackageGroupName"])


def named_package(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table."""
    return arn_of(context, PACKAGE, request.get("ModelPackageArn") or request["ModelPackageName"])


def group_policies(context: Context, request: dict[str, Any]) -> Sequence[Document]:
    """The policy of the group that a request names."""
    name = request.get("ModelPackageGroupName")
    return _policies(context, arn_of(context, GROUP, name)) if name else ()


def package_policies(context: Context, request: dict[str, Any]) -> Sequence[Document]:
    """The policy of the group that the named package belongs to."""
    return policies_of_package(context, named_package(context, request))


def policies_of_package(context: Context, package_arn: str) -> Sequence[Document]:
    arn = parse_arn(package_arn)
    name = arn.resource.partition("/")[2].partition("/")[0]
    return _policies(context, sagemaker_arn(arn.region, arn.account, GROUP, name))


def _policies(context: Context, group_arn: str) -> Sequence[Document]:
    with context.database.read() as tx:
        group = resources.find_by_arn(tx, group_arn)
    text = group.document.get("policy") if group is not None and group.kind == GROUP else None
    return (json.loads(text),) if text else ()


def get_group(tx: Transaction, context: Context, name_or_arn: str) -> Resource:
    return _get(tx, context, GROUP, name_or_arn, "Model Package Group")


def get_package(tx: Transaction, context: Context, name_or_arn: str) -> Resource:
    return _get(tx, context, PACKAGE, name_or_arn, "ModelPackage")


def _get(tx: Transaction, context: Context, kind: str, name_or_arn: str, word: str) -> Resource:
    """Authorised already: a row of another account is found by its ARN only."""
    arn = arn_of(context, kind, name_or_arn)
    found = resources.find_by_arn(tx, arn)
    if found is None or found.kind != kind or found.region != context.region:
        raise missing(word, arn)
    return found


def missing(word: str, arn: str) -> ApiError:
    return ValidationException(f"{word} {arn} does not exist. Could not find it in this registry.")
