"""What every controller works with, made once at the start of control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clary.base.clock import Clock
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.engine.own_calls import OwnCalls
from clary.engine.role_objects import RoleObjects
from clary.runtimes.environments import Environments
from clary.runtimes.instances import Grant, grant, this_machine
from clary.runtimes.layers import Layers
from clary.runtimes.port import Runtime
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.store.storage import storage_of


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`endpoint_url` tells where jobs reach Clary's own API (known once the supervisor has bound its ports).

    `calls` is that API without the wire, for work that is done in a user's name. Without `layers` each unit installs
    its requirements.txt itself.
    """

    database: Database
    blobs: Blobs
    runtime: Runtime
    environments: Environments
    settings: Settings
    installation: Installation
    clock: Clock
    endpoint_url: Callable[[], str]
    calls: OwnCalls
    layers: Layers | None = None

    def grant(self, instance_type: str) -> Grant:
        """What a unit of this type gets here. Raises InsufficientCapacity and UnknownInstanceType."""
        machine = this_machine(self.settings.max_unit_memory_mb)
        return grant(instance_type, machine, strict=self.settings.capacity == "strict")

    def objects_of(self, role_arn: str) -> RoleObjects:
        """S3 as a role sees it."""
        storage = storage_of(self.settings, self.database, self.blobs)
        return RoleObjects(storage, self.database, role_arn, "SageMaker", self.clock.now())
