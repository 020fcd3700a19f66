"""botocore's models of the known services (`facts`), each loaded when first needed: sagemaker's costs some 50 ms.

Only models that botocore ships are read, never those of the user's home.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, TypeAlias

from botocore.loaders import Loader
from botocore.model import ServiceModel

from clary.wire.facts import FACTS, ServiceFacts
from clary.wire.facts import SERVICES as SERVICES  # noqa: PLC0414 - offered here, where catalogs are made
from clary.wire.former_query import with_query

# botocore has no type information; the aliases say what is meant.
Service: TypeAlias = Any
Operation: TypeAlias = Any
Shape: TypeAlias = Any


class Catalog:
    """The models of the named services. Threads may share one; each model is loaded once."""

    def __init__(self, services: Sequence[str] = SERVICES) -> None:
        self.services: tuple[str, ...] = tuple(services)
        self.facts: dict[str, ServiceFacts] = {name: FACTS[name] for name in self.services}
        self._loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
        self._models: dict[str, Service] = {}
        self._operations: dict[tuple[str, str], Operation] = {}
        self._former: dict[str, Service] = {}
        self._lock = threading.Lock()

    def service(self, name: str) -> Service:
        """The ServiceModel of a boto3 service name; KeyError when the catalog does not have it."""
        model = self._models.get(name)
        if model is None:
            if name not in self.facts:
                raise KeyError(name)
            with self._lock:
                model = self._models.get(name)
                if model is None:
                    description = self._loader.load_service_model(name, "service-2")
                    model = self._models[name] = ServiceModel(description, name)
        return model

    def operation(self, service: str, name: str) -> Operation | None:
        """The OperationModel, or None when the service has no such operation."""
        operation = self._operations.get((service, name))
        if operation is None:
            model = self.service(service)
            if name not in model.operation_names:
                return None
            operation = self._operations.setdefault((service, name), model.operation_model(name))
        return operation

    def query_operation(self, service: str, name: str) -> Operation | None:
        """The OperationModel for the query protocol, which some models do not describe any more."""
        if "query" in self.facts[service].protocols:
            return self.operation(service, name)
        model = self._former.get(service)
        if model is None:
            description = with_query(service, self._loader.load_service_model(service, "service-2"))
            model = self._former.setdefault(service, ServiceModel(description, service))
        return model.operation_model(name) if name in model.operation_names else None

    def signing_as(self, signing_name: str) -> tuple[ServiceFacts, ...]:
        """Every service whose requests are signed with this name, in the catalog's order."""
        return tuple(facts for facts in self.facts.values() if facts.signing_name == signing_name)
