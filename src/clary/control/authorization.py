"""May the caller do this: the operation's own action and resource, and whatever a handler asks in addition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from clary.access.callers import Caller
from clary.access.evaluation import Document
from clary.base.errors import AccessDenied
from clary.control.condition_keys import request_keys, resource_tag_keys
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
        self.resource_tags: Callable[[str], Mapping[str, str]] = _no_tags

    def __call__(
        self,
        action: str,
        resource: str,
        context: Mapping[str, Any] | None = None,
        resource_policies: Sequence[Document] = (),
    ) -> None:
        keys = {**self.keys, **(context or {})}
        if replace(self.caller.policies, resource=resource_policies).asks_resource_tags():
            keys |= resource_tag_keys(action, self.resource_tags(resource))
        decision = self.caller.may(action, resource, keys, resource_policies)
        if not decision.allowed and self.caller.principal.kind == "anonymous":
            raise AccessDenied("Access Denied")
        if not decision.allowed:
            raise AccessDenied(decision.message(self.caller.request(action, resource, keys)))


def _no_tags(_resource: str) -> Mapping[str, str]:
    return {}


def connection_keys(head: RequestHead, region: str) -> dict[str, str]:
    """Condition keys that follow from the client's connection; the door has written down what it saw of it."""
    return {
        "aws:sourceip": head.headers.get("x-clary-client", ""),
        "aws:useragent": head.headers.get("user-agent", ""),
        "aws:requestedregion": region,
        "aws:viaawsservice": "false",
        "aws:securetransport": "true" if head.headers.get("x-clary-scheme") == "https" else "false",
        **({"aws:referer": head.headers["referer"]} if "referer" in head.headers else {}),
    }


def authorize_operation(target: Target, operation: Operation, context: Context, parameters: dict[str, Any]) -> None:
    """The check every operation passes before its handler runs."""
    if operation.open_to_all:
        return
    action = operation.action or f"{_PREFIXES.get(target.service, target.service)}:{target.operation.name}"
    policies = operation.policies(context, parameters) if operation.policies else ()
    resource = operation.resource(context, parameters)
    keys = request_keys(target.service, target.operation.name, parameters)
    keys |= operation.keys(context, parameters) if operation.keys else {}
    context.authorize(action, resource, keys, policies)
    if target.service == "sagemaker" and target.operation.name.startswith("Create") and parameters.get("Tags"):
        context.authorize("sagemaker:AddTags", resource, {**keys, "sagemaker:taggingaction": target.operation.name})
