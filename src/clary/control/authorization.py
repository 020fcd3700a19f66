"""May the caller do this: the operation's own action and resource, and whatever a handler asks in addition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clary.access.callers import Caller
from clary.access.evaluation import Document
from clary.base.errors import AccessDenied
from clary.services.context import Context
from clary.services.operation import Operation
from clary.wire.http import RequestHead
from clary.wire.routing import Target

_PREFIXES = {"sagemaker-runtime": "sagemaker", "sagemaker-metrics": "sagemaker"}


class Authorization:
    """The `authorize` of a Context, bound to one caller and one request."""

    def __init__(self, caller: Caller, keys: Mapping[str, str]) -> None:
        """`keys` are condition keys of this request."""
        self.caller = caller
        self.keys = dict(keys)

    def __call__(
        self,
        action: str,
        resource: str,
        context: Mapping[str, Any] | None = None,
        resource_policies: Sequence[Document] = (),
    ) -> None:
        keys = {**self.keys, **(context or {})}
        decision = self.caller.may(action, resource, keys, resource_policies)
        if not decision.allowed:
            raise AccessDenied(decision.message(self.caller.request(action, resource, keys)))


def connection_keys(head: RequestHead, region: str) -> dict[str, str]:
    """Condition keys that follow from the client's connection; the door has written down what it saw of it."""
    return {
        "aws:sourceip": head.headers.get("x-clary-client", ""),
        "aws:requestedregion": region,
        "aws:securetransport": "true" if head.headers.get("x-clary-scheme") == "https" else "false",
    }


def authorize_operation(target: Target, operation: Operation, context: Context, parameters: dict[str, Any]) -> None:
    """The check every operation passes before its handler runs."""
    if operation.open_to_all:
        return
    action = operation.action or f"{_PREFIXES.get(target.service, target.service)}:{target.operation.name}"
    policies = operation.policies(context, parameters) if operation.policies else ()
    context.authorize(action, operation.resource(context, parameters), None, policies)
