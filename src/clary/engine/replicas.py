"""Starting one replica of a model server: model data, source archive, variables, limits."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.base.errors import ValidationException
from clary.engine.endpoint_plan import Replica
from clary.engine.fleet import fleet_of
from clary.engine.layering import with_packages_of_model
from clary.engine.surroundings import Surroundings
from clary.engine.units import unit_id
from clary.engine.variables import platform_variables
from clary.runtimes import staging
from clary.runtimes.environments import BeingBuilt, PreparedEnvironment
from clary.runtimes.instances import Grant
from clary.runtimes.port import UnitSpec
from clary.runtimes.process import LOG_NOTES
from clary.store.resources import Resource

LETTER = "e"
_GRACE_SECONDS = 30.0


def replica_unit(endpoint: Resource, replica: Replica) -> str:
    """For example `e4-g2-AllTraffic-0-a1`."""
    return unit_id(
        LETTER, endpoint.id, f"g{replica.generation}", replica.variant, replica.index, f"a{replica.attempt}"
    )


def is_current(owner: Resource, unit: str) -> bool:
    """Whether the unit still works for its resource: replicas that were replaced do not."""
    if owner.kind != "endpoint":
        return owner.status in {"InProgress", "Stopping"}
    return unit in {replica_unit(owner, replica) for replica in fleet_of(owner.document).values()}


def start_replica(
    around: Surroundings, endpoint: Resource, replica: Replica, variant: dict[str, Any]
) -> BeingBuilt | None:
    """Stage and launch; safe to repeat until the unit has been launched, and a no-op from then on. BeingBuilt where
    nothing could be done because the environment is missing."""
    unit = replica_unit(endpoint, replica)
    if around.runtime.observe(unit) is not None:
        return None
    granted = around.grant(variant["InstanceType"])
    environment = around.environments.obtain(variant["Container"]["Image"], unit)
    if isinstance(environment, BeingBuilt):
        return environment
    _launch(around, endpoint, unit, variant, environment, granted)
    return None


def _launch(
    around: Surroundings,
    endpoint: Resource,
    unit: str,
    variant: dict[str, Any],
    environment: PreparedEnvironment,
    granted: Grant,
) -> None:
    opt_ml = around.runtime.unit_folder(unit) / "opt-ml"
    shutil.rmtree(opt_ml, ignore_errors=True)
    (opt_ml / "model").mkdir(parents=True)
    (opt_ml / "output").mkdir()
    variables = {
        "CLARY_FRAMEWORK": environment.framework,
        **dict(environment.variables),
        LOG_NOTES: "\n".join([*environment.notes, *granted.notes]),
        "SAGEMAKER_BIND_TO_PORT": "8080",
        "ENDPOINT_NAME": endpoint.name,
        **platform_variables(around, unit, endpoint.region, None if variant["Isolated"] else variant["RoleArn"]),
        **(variant["Container"].get("Environment") or {}),
    }
    place_files(around, variant, opt_ml, variables)
    spec = UnitSpec(
        unit_id=unit,
        argv=["python", "-m", "clary_toolkit", "serve"],
        variables=variables,
        environment=environment.path,
        opt_ml=opt_ml,
        socket=around.settings.layout.unit_socket(unit),
        network=not variant["Isolated"],
        limits=replace(granted.limits, grace_seconds=_GRACE_SECONDS),
    )
    around.runtime.launch(with_packages_of_model(around, spec))


def place_files(around: Surroundings, variant: dict[str, Any], opt_ml: Path, variables: dict[str, str]) -> None:
    container = variant["Container"]
    source = variables.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    needs_objects = container.get("ModelDataUrl") or container.get("ModelDataSource") or source.startswith("s3://")
    if not needs_objects:
        return
    if not variant["RoleArn"]:
        raise ValidationException("The model has no ExecutionRoleArn, so its model data cannot be read.")
    objects = around.objects_of(variant["RoleArn"])
    staging.place_model(objects, container, opt_ml / "model")
    if source.startswith("s3://"):
        staging.place_object(objects, source, opt_ml / "input" / "source" / "sourcedir.tar.gz")
        variables["CLARY_SOURCE_ARCHIVE"] = "/opt/ml/input/source/sourcedir.tar.gz"
