"""How a processing job is staged and collected: inputs and outputs below /opt/ml/processing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from clary.base.errors import ValidationException
from clary.engine.hosts import Host, names_of, write_resource_config
from clary.engine.layering import with_packages_of_processing
from clary.engine.role_objects import RoleObjects
from clary.engine.surroundings import Surroundings
from clary.engine.variables import platform_variables
from clary.runtimes import pipes, staging, uploads
from clary.runtimes.environments import BeingBuilt, PreparedEnvironment
from clary.runtimes.instances import volume_of
from clary.runtimes.pipes import FEED
from clary.runtimes.port import UnitSpec, UnitState
from clary.runtimes.process import LOG_NOTES
from clary.store.resources import Resource

_GRACE_SECONDS = 120.0
_MESSAGE_BYTES = 1024


class ProcessingJobs:
    """Implements `engine.jobs.JobKind`."""

    kind = "processing-job"
    letter = "p"
    log_group = "/aws/sagemaker/ProcessingJobs"

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def machines(self, job: Resource) -> dict[str, Any]:
        machines: dict[str, Any] = job.document["request"]["ProcessingResources"]["ClusterConfig"]
        return machines

    def instance_types(self, _job: Resource, hosts: Sequence[Host]) -> Sequence[str]:
        return [host.instance_type for host in hosts]

    def environment(self, job: Resource, unit: str) -> PreparedEnvironment | BeingBuilt:
        """Raises ValidationException for a job that would have nothing to do in it."""
        application = job.document["request"]["AppSpecification"]
        if not application.get("ContainerEntrypoint"):
            raise ValidationException(
                "The image has no command of its own; give AppSpecification a ContainerEntrypoint."
            )
        return self._around.environments.obtain(application["ImageUri"], unit)

    def stage(
        self,
        job: Resource,
        host: Host,
        hosts: Sequence[Host],
        unit: str,
        opt_ml: Path,
        objects: RoleObjects,
        environment: PreparedEnvironment,
    ) -> UnitSpec:
        request = job.document["request"]
        application = request["AppSpecification"]
        command = [*application["ContainerEntrypoint"], *(application.get("ContainerArguments") or [])]
        granted = self._around.grant(host.instance_type)
        shutil.rmtree(opt_ml, ignore_errors=True)
        for folder in ("config", "processing", "output"):
            (opt_ml / folder).mkdir(parents=True)
        fed = _place_inputs(objects, request, opt_ml, host=host.number - 1, hosts=len(hosts))
        for item in _outputs(request):
            staging.local_path(opt_ml, item["LocalPath"]).mkdir(parents=True, exist_ok=True)
        staging.write_processing_config(opt_ml, job.arn, request)
        write_resource_config(opt_ml / "config", host, hosts)
        spec = UnitSpec(
            unit_id=unit,
            argv=[*(FEED if fed else ()), *command],
            variables={
                "PROCESSING_JOB_NAME": job.name,
                "PROCESSING_JOB_ARN": job.arn,
                **dict(environment.variables),
                LOG_NOTES: "\n".join([*environment.notes, *granted.notes]),
                **platform_variables(self._around, unit, job.region, request["RoleArn"]),
                **(request.get("Environment") or {}),
            },
            environment=environment.path,
            opt_ml=opt_ml,
            hostname=host.name if len(hosts) > 1 else "",
            names=names_of(hosts),
            network=not (request.get("NetworkConfig") or {}).get("EnableNetworkIsolation", False),
            staged=[
                opt_ml / "input",  # of pipes
                *(staging.local_path(opt_ml, item["S3Input"]["LocalPath"]) for item in _inputs(request)),
            ],
            limits=replace(
                granted.limits,
                volume_bytes=volume_of(host.instance_type, self.machines(job).get("VolumeSizeInGB")),
                max_runtime_seconds=request["StoppingCondition"]["MaxRuntimeInSeconds"],
                grace_seconds=_GRACE_SECONDS,
            ),
        )
        return with_packages_of_processing(self._around, spec)

    def look(self, job: Resource, opt_ml: Path, objects: Callable[[], RoleObjects], now: datetime) -> None:
        for synced in _continuous(job.document["request"], opt_ml):
            if synced.is_due(now):
                synced.upload_rested(objects(), now)

    def listen(self, job: Resource, _units: Sequence[str], *, ended: bool) -> tuple[Resource, bool]:
        return job, True

    def collect(
        self, job: Resource, folders: Sequence[Path], objects: RoleObjects, state: UnitState
    ) -> dict[str, Any]:
        """Outputs of a job that succeeded or was stopped; continuous ones and the exit message in every case."""
        request = job.document["request"]
        for opt_ml in reversed(folders):  # the first instance's file is the one that stays
            for synced in _continuous(request, opt_ml):
                synced.upload_rest(objects)
            if state.exit_code == 0 or state.stopped_by:
                _upload_outputs(objects, request, opt_ml)
        message = b"".join(_message(opt_ml) for opt_ml in folders)[:_MESSAGE_BYTES]
        return {"exit_message": message.decode(errors="replace")} if message else {}

    def enter(self, document: dict[str, Any], _secondary: str, _now: datetime) -> dict[str, Any]:
        """Processing jobs show no secondary status."""
        return document


def _place_inputs(objects: RoleObjects, request: dict[str, Any], opt_ml: Path, *, host: int, hosts: int) -> bool:
    """Returns whether there are pipes to be fed."""
    fed: list[staging.Pipe] = []
    with staging.downloading("Failed to download data. "):
        for item in _inputs(request):
            fed += staging.place_processing_input(objects, item["S3Input"], opt_ml, host=host, hosts=hosts)
    if fed:
        pipes.write_plan(opt_ml, fed)
    return bool(fed)


def _upload_outputs(objects: RoleObjects, request: dict[str, Any], opt_ml: Path) -> None:
    for item in _outputs(request):
        if item["S3UploadMode"] == "EndOfJob":
            folder = staging.local_path(opt_ml, item["LocalPath"])
            uploads.upload_folder(objects, folder, item["S3Uri"], opt_ml)


def _message(opt_ml: Path) -> bytes:
    message = opt_ml / "output" / "message"
    if message.parent.is_symlink() or message.is_symlink() or not message.is_file():
        return b""
    with message.open("rb") as file:
        return file.read(_MESSAGE_BYTES)


def _continuous(request: dict[str, Any], opt_ml: Path) -> list[uploads.Synced]:
    """What is kept the same as S3 while the job runs, each with a record of its own beside /opt/ml."""
    return [
        uploads.Synced(
            staging.local_path(opt_ml, item["LocalPath"]),
            item["S3Uri"],
            opt_ml,
            opt_ml.parent / f"output-{number}.json",
        )
        for number, item in enumerate(_outputs(request))
        if item["S3UploadMode"] == "Continuous"
    ]


def _inputs(request: dict[str, Any]) -> list[dict[str, Any]]:
    return list(request.get("ProcessingInputs") or [])


def _outputs(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [item["S3Output"] for item in (request.get("ProcessingOutputConfig") or {}).get("Outputs", [])]
