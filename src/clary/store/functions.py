"""What services and engine agree on about Lambda functions: kinds of resources, and one invocation with its outcome.

A function is one resource; its published versions and aliases are resources whose parent is its name. The document of
a function and of a version has `configuration` (what GetFunctionConfiguration answers, apart from the ARN) and `code`
(`content`: a content of store/contents, `size`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clary.base.errors import ApiError
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

FUNCTION = "lambda-function"
VERSION = "lambda-version"
ALIAS = "lambda-alias"
LATEST = "$LATEST"


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """One invocation. `arn` is what the caller has named; `document` that of the function or of its version."""

    function: Resource
    version: str
    document: dict[str, Any]
    arn: str
    request_id: str
    payload: bytes
    client_context: str = ""

    @property
    def revision(self) -> str:
        revision: str = self.document["configuration"]["RevisionId"]
        return revision

    @property
    def reserved(self) -> int | None:
        """Reserved concurrency: the most invocations at a time."""
        reserved: int | None = self.function.document.get("concurrency")
        return reserved


class CodeReplaced(ApiError):
    """The code of a call is gone: the function has been changed or deleted since it was looked up."""

    code = "ResourceConflictException"
    status = 409


@dataclass(frozen=True, slots=True)
class FunctionOutcome:
    """`failed`: the payload describes an error. `log` is the last 4 KiB that the function has printed.

    `spent`: the process that has served the call is of no more use.
    """

    payload: bytes
    failed: bool
    log: bytes
    spent: bool = False


def find_version(tx: Transaction, function: Resource, version: str) -> Resource | None:
    """The resource that holds the configuration of a version; the function itself for $LATEST."""
    if version == LATEST:
        return function
    return resources.find(tx, function.account, function.region, VERSION, version, parent=function.name)
