"""May the caller do this: the operation's own action and resource, and whatever a handler asks in addition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.access.callers import Caller
from clary.base.errors import AccessDenied
from clary.services.context import Context
from clary.services.operation import Operation
from clary.wire.http import RequestHead
from clary.wire.routing import Target

_PREFIXES = {"sagemaker-runtime": "sagemaker"}


class Authorization:
    """The `authorize` of a Context, bound to one caller and one request."""

    def __init__(self, caller: Caller, head: RequestHead, region: str) -> None:
        """`head` carries what the door saw of the client's connection."""
        self._caller = caller
        self.keys = {
            "aws:sourceip": head.headers.get("x-clary-client", ""),
            "aws:requestedregion": region,
            "aws:securetransport": "true" if head.headers.get("x-clary-scheme") == "https" else "false",
        }

    def __call__(self, action: str, resource: str, context: Mapping[str, Any] | None = None) -> None:
        keys = {**self.keys, **(context or {})}
        decision = self._caller.may(action, resource, keys)
        if not decision.allowed:
            raise AccessDenied(decision.message(self._caller.request(action, resource, keys)))


def authorize_operation(target: Target, operation: Operation, context: Context, parameters: dict[str, Any]) -> None:
    """The check every operation passes before its handler runs."""
    if operation.open_to_all:
        return
    action = operation.action or f"{_PREFIXES.get(target.service, target.service)}:{target.operation.name}"
    context.authorize(action, operation.resource(context, parameters))
