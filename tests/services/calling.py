"""Calling operations as control does, without sockets: authorise by the dispatch table, then run the handler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Self

import pytest
from botocore.session import get_session

from clary.base.errors import AccessDenied, ApiError
from clary.services.context import Context
from clary.services.operation import Operation

ACCOUNT = "111122223333"
NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, UTC)


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "timestamp": datetime,
}


@cache
def _model(service: str) -> Any:
    return get_session().get_service_model(service)


def output_shape(service: str, operation: str) -> Any:
    return _model(service).operation_model(operation).output_shape


def check_shape(where: str, shape: Any, value: Any) -> None:
    """Fail where an answer has members or types that the service model does not have."""
    if shape is None:
        assert value == {}, where
    elif shape.type_name == "structure":
        assert isinstance(value, dict), where
        for name, member in value.items():
            assert name in shape.members, f"{where}.{name}"
            if member is not None:  # left out when the answer is rendered
                check_shape(f"{where}.{name}", shape.members[name], member)
        assert set(shape.required_members) <= {name for name in value if value[name] is not None}, where
    elif shape.type_name == "list":
        for member in value:
            check_shape(where, shape.member, member)
    elif shape.type_name in _TYPES:
        assert isinstance(value, _TYPES[shape.type_name]), f"{where}: {value!r}"


@dataclass
class Permissions:
    """Allows everything but what is in `denied` ("action resource", with wildcards); remembers what was asked."""

    denied: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def __call__(
        self,
        action: str,
        resource: str,
        context: Mapping[str, Any] | None = None,
        resource_policies: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.asked.append((action, resource, dict(context or {})))
        if any(fnmatchcase(f"{action} {resource}", pattern) for pattern in self.denied):
            raise AccessDenied(f"not authorized to perform: {action} on resource: {resource}")


@dataclass
class Client:
    """One caller of one service; parameters are those of boto3."""

    service: str
    operations: Mapping[str, Operation]
    context: Context
    permissions: Permissions

    def __call__(self, name: str, **request: Any) -> dict[str, Any]:
        operation = self.operations[name]
        if not operation.open_to_all:
            action = operation.action or f"{self.service}:{name}"
            keys = operation.keys(self.context, request) if operation.keys else {}
            self.permissions(action, operation.resource(self.context, request), keys)
        answer = operation.handler(self.context, request)
        check_shape(name, output_shape(self.service, name), answer)
        return answer

    def fails(self, name: str, code: str, **request: Any) -> ApiError:
        """The ApiError of a call that must fail with this code."""
        with pytest.raises(ApiError) as caught:
            self(name, **request)
        assert caught.value.code == code, caught.value.message
        return caught.value

    def at(self, **changes: Any) -> Self:
        """The same client at another time, in another account ..."""
        other = copy(self)
        other.context = replace(self.context, **changes)
        return other
