"""Calls that Clary makes to itself, for pipelines, event targets and schedules: checked like those of any user.

Implements `engine.own_calls.OwnCalls`. There is no signature, because nothing crosses the wire; all that follows
the signature in `application` happens here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from clary.access.callers import Caller, caller_of_role
from clary.access.evaluation import PolicySet
from clary.access.principals import root_principal, service_principal
from clary.base.arns import parse_arn
from clary.base.errors import AccessDenied, ApiError
from clary.base.snapshots import Access
from clary.control.audit import AuditTrail
from clary.control.authorization import Authorization, authorize_operation
from clary.control.context import ContextMaker
from clary.control.dispatch import find_operation
from clary.engine.own_calls import Actor
from clary.wire.catalog import Catalog
from clary.wire.routing import Target
from clary.wire.validation import validate

USER_AGENT = "clary"


class OwnCaller:
    """Made by `composition`; threads may share it."""

    def __init__(
        self, catalog: Catalog, make_context: ContextMaker, access: Callable[[], Access], audit: AuditTrail
    ) -> None:
        self._catalog = catalog
        self._make_context = make_context
        self._access = access
        self._audit = audit

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        model = self._catalog.operation(service, operation)
        if model is None:
            raise LookupError(f"{service} has no operation {operation}")
        target = Target(service, model, self._catalog.facts[service].protocols[0])
        request = deepcopy(dict(parameters))  # handlers fill in defaults
        validate(target, request)
        row = find_operation(target)
        keys = {"aws:requestedregion": actor.region, "aws:securetransport": "true", "aws:viaawsservice": "true"}
        if actor.source_arn:
            keys |= {"aws:sourcearn": actor.source_arn, "aws:sourceaccount": actor.account}
        authorization = Authorization(self._caller(actor), keys)
        context = self._make_context(authorization, region=actor.region, user_agent=USER_AGENT)
        try:
            authorize_operation(target, row, context, request)
            answer = row.handler(context, request)
        except ApiError as error:
            self._audit.of_own_call(target, context, request, error, _via(actor))
            raise
        self._audit.of_own_call(target, context, request, answer, _via(actor))
        return {name: value for name, value in answer.items() if value is not None}

    def _caller(self, actor: Actor) -> Caller:
        if actor.role_arn:
            role = self._access().principals.get(actor.role_arn)
            if role is None or role.root:
                raise AccessDenied(f"The role {actor.role_arn} does not exist.")
            return caller_of_role(role, actor.session)
        if actor.service:
            return Caller(service_principal(actor.service, actor.account), "", PolicySet(), {})
        return Caller(root_principal(actor.account), "", PolicySet(), {})


def _via(actor: Actor) -> str:
    """The service that the trail names as the caller's hand."""
    if actor.service:
        return actor.service
    name = parse_arn(actor.source_arn).service if actor.source_arn else "sagemaker"
    return f"{name}.amazonaws.com"
