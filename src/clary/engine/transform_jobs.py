"""How a batch transform job is staged and collected: objects in as numbered files, outputs out under their keys.

Keys never become paths: what file number stands for which key is kept beside /opt/ml, where the unit cannot see it.
The driver inside the unit is the toolkit's `transform` command; it starts the model servers.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from clary.base.errors import ValidationException
from clary.engine.hosts import Host
from clary.engine.layering import with_packages_of_model
from clary.engine.replicas import place_files
from clary.engine.role_objects import RoleObjects
from clary.engine.surroundings import Surroundings
from clary.engine.variables import platform_variables
from clary.runtimes import archives, sources, staging
from clary.runtimes.environments import BeingBuilt, PreparedEnvironment
from clary.runtimes.port import Limits, UnitSpec, UnitState
from clary.runtimes.process import LOG_NOTES
from clary.store.resources import Resource

_GRACE_SECONDS = 10.0
_TOLD = {
    "MaxPayloadInMB": "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "MaxConcurrentTransforms": "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
}
_STRATEGIES = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}


class TransformJobs:
    """Implements `engine.jobs.JobKind`."""

    kind = "transform-job"
    letter = "x"
    log_group = "/aws/sagemaker/TransformJobs"

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def machines(self, job: Resource) -> dict[str, Any]:
        """One unit plays all instances."""
        return {"InstanceType": job.document["request"]["TransformResources"]["InstanceType"]}

    def instance_types(self, job: Resource, _hosts: Sequence[Host]) -> Sequence[str]:
        resources = job.document["request"]["TransformResources"]
        return [resources["InstanceType"]] * int(resources["InstanceCount"])

    def environment(self, job: Resource, unit: str) -> PreparedEnvironment | BeingBuilt:
        return self._around.environments.obtain(job.document["model"]["Container"]["Image"], unit)

    def stage(
        self,
        job: Resource,
        _host: Host,
        _hosts: Sequence[Host],
        unit: str,
        opt_ml: Path,
        objects: RoleObjects,
        environment: PreparedEnvironment,
    ) -> UnitSpec:
        request, model = job.document["request"], job.document["model"]
        container = model["Container"]
        granted = self._around.grant(request["TransformResources"]["InstanceType"])
        limits = granted.limits
        shutil.rmtree(opt_ml, ignore_errors=True)
        for folder in ("model", "output", "input/config", "input/transform"):
            (opt_ml / folder).mkdir(parents=True)
        keys = _place_inputs(objects, request, opt_ml)
        instances = _instances(request, len(keys))
        started = job.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        config = {"request": request, "keys": keys, "instances": instances, "started": started}
        (opt_ml / "input" / "config" / "transformjobconfig.json").write_text(json.dumps(config, default=str))
        variables = {
            "CLARY_FRAMEWORK": environment.framework,
            **dict(environment.variables),
            LOG_NOTES: "\n".join([*environment.notes, *granted.notes]),
            **platform_variables(self._around, unit, job.region, None if model["Isolated"] else model["RoleArn"]),
            **(container.get("Environment") or {}),
            **_told(request),
            **(request.get("Environment") or {}),
        }
        place_files(self._around, model, opt_ml, variables)
        spec = UnitSpec(
            unit_id=unit,
            argv=["python", "-m", "clary_toolkit", "transform"],
            variables=variables,
            environment=environment.path,
            opt_ml=opt_ml,
            socket=self._around.settings.layout.unit_socket(unit),
            network=not model["Isolated"],
            limits=Limits(
                memory_bytes=limits.memory_bytes * instances if limits.memory_bytes else None,
                cpus=limits.cpus * instances if limits.cpus else None,
                gpus=limits.gpus,
                grace_seconds=_GRACE_SECONDS,
            ),
        )
        return with_packages_of_model(self._around, spec)

    def look(self, _job: Resource, _opt_ml: Path, _objects: Callable[[], RoleObjects], _now: datetime) -> None:
        """Outputs become visible at the end."""

    def listen(self, job: Resource, _units: Sequence[str], *, ended: bool) -> tuple[Resource, bool]:
        return job, True

    def collect(
        self, job: Resource, folders: Sequence[Path], objects: RoleObjects, state: UnitState
    ) -> dict[str, Any]:
        """Whole outputs, also those of a job that failed; a job that was stopped leaves none."""
        if state.stopped_by:
            return {}
        opt_ml = folders[0]
        folder = opt_ml / "output" / "transform"
        if not folder.is_dir():
            return {}
        archives.check_way(folder, opt_ml)
        request, listed = job.document["request"], json.loads(_list_of_keys(opt_ml).read_text())
        target = _folder(request["TransformOutput"]["S3OutputPath"])
        bucket, base = sources.parse_s3_uri(target)
        done = []
        for number, key in enumerate(listed["names"]):
            path = folder / str(number)
            if path.is_file() and not path.is_symlink():
                objects.store(bucket, f"{base}{key}.out", path)
                done.append(key)
        capture = request.get("DataCaptureConfig")
        if capture and done:
            hour = f"{state.ended_at or self._around.clock.now():%Y/%m/%d/%H}"
            for side, manifest in (
                ("input", [{"prefix": listed["prefix"]}, *done]),
                ("output", [{"prefix": target}, *(f"{key}.out" for key in done)]),
            ):
                place = f"{_folder(capture['DestinationS3Uri'])}{side}/{hour}/{job.name}.json"
                _store_manifest(objects, place, manifest, opt_ml)
        return {}

    def enter(self, document: dict[str, Any], _secondary: str, _now: datetime) -> dict[str, Any]:
        """Transform jobs show no secondary status."""
        return document


def _place_inputs(objects: RoleObjects, request: dict[str, Any], opt_ml: Path) -> list[str]:
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    found = sources.find_objects(objects, source["S3Uri"], source["S3DataType"])
    by_name = {name: (bucket, key) for bucket, key, name in found}
    prefix = ""
    for number, name in enumerate(by_name):
        bucket, key = by_name[name]
        staging.place_object(objects, f"s3://{bucket}/{key}", opt_ml / "input" / "transform" / str(number))
        prefix = f"s3://{bucket}/{key.removesuffix(name)}"
    _list_of_keys(opt_ml).write_text(json.dumps({"prefix": prefix, "names": list(by_name)}))
    return list(by_name)


def _folder(uri: str) -> str:
    return f"{uri.rstrip('/')}/"


def _store_manifest(objects: RoleObjects, uri: str, manifest: list[Any], opt_ml: Path) -> None:
    """What was captured, in the form in which later jobs read it. A second attempt writes the same object."""
    path = opt_ml.parent / "manifest.json"
    path.write_text(json.dumps(manifest))
    objects.store(*sources.parse_s3_uri(uri), path)
    path.unlink()


def _list_of_keys(opt_ml: Path) -> Path:
    return opt_ml.parent / "transform-keys.json"


def _instances(request: dict[str, Any], objects: int) -> int:
    """More servers than processors only take memory, and an object that is not split uses one at a time."""
    asked: int = request["TransformResources"]["InstanceCount"]
    if objects == 0:
        raise ValidationException("There is no object to transform.")
    splits = request["TransformInput"].get("SplitType", "None") != "None"
    return max(1, min(asked, asked if splits else objects, len(os.sched_getaffinity(0))))


def _told(request: dict[str, Any]) -> dict[str, str]:
    """What the container is told, only where the caller said it."""
    told = {variable: str(request[member]) for member, variable in _TOLD.items() if member in request}
    if "BatchStrategy" in request:
        told["SAGEMAKER_BATCH_STRATEGY"] = _STRATEGIES[request["BatchStrategy"]]
    return {"SAGEMAKER_BATCH": "true", **told}
