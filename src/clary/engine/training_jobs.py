"""How a training job is staged and collected: /opt/ml for the container contract, model.tar.gz at the end."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from clary.engine import checkpoints
from clary.engine.hosts import Host, names_of, share_of, write_resource_config
from clary.engine.layering import with_packages_of_training
from clary.engine.metric_course import Courses, begun_anew
from clary.engine.metrics import is_built_in
from clary.engine.role_objects import RoleObjects
from clary.engine.surroundings import Surroundings
from clary.engine.variables import platform_variables
from clary.runtimes import archives, pipes, sources, staging, uploads
from clary.runtimes.environments import BeingBuilt, PreparedEnvironment
from clary.runtimes.instances import volume_of
from clary.runtimes.merging import merge
from clary.runtimes.pipes import FEED
from clary.runtimes.port import UnitSpec, UnitState
from clary.runtimes.process import LOG_NOTES
from clary.store.resources import Resource

_GRACE_SECONDS = 120.0
_FUNCTION_CHANNEL = "/sagemaker_remote_function_bootstrap/"
_SDK_VERSION = "--client_sagemaker_pysdk_version"
_MESSAGES = {
    "DownloadingTrainingImage": "Building the environment that stands for the image, which takes some time only once",
    "Downloading": "Downloading input data",
    "Training": "Training job is in progress",
    "Uploading": "Uploading generated training model",
    "Restarting": "Restarting the training job after an internal error",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job ran longer than MaxRuntimeInSeconds and was stopped",
}


class TrainingJobs:
    """Implements `engine.jobs.JobKind`."""

    kind = "training-job"
    letter = "t"
    log_group = "/aws/sagemaker/TrainingJobs"

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._courses = Courses(around.database, around.runtime.read_log, around.clock)

    def machines(self, job: Resource) -> dict[str, Any]:
        machines: dict[str, Any] = job.document["request"]["ResourceConfig"]
        return machines

    def instance_types(self, _job: Resource, hosts: Sequence[Host]) -> Sequence[str]:
        return [host.instance_type for host in hosts]

    def environment(self, job: Resource, unit: str) -> PreparedEnvironment | BeingBuilt:
        algorithm = job.document["request"]["AlgorithmSpecification"]
        return self._around.environments.obtain(algorithm["TrainingImage"], unit, _sdk_version(algorithm))

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
        granted = self._around.grant(host.instance_type)
        _empty(opt_ml)
        fed = _place_channels(objects, request, opt_ml, host, hosts)
        checkpoints.restore(objects, request, opt_ml)
        staging.write_training_config(opt_ml, request)
        write_resource_config(opt_ml / "input" / "config", host, hosts)
        variables = {
            "TRAINING_JOB_NAME": job.name,
            "TRAINING_JOB_ARN": job.arn,
            "CLARY_FRAMEWORK": environment.framework,
            **dict(environment.variables),
            LOG_NOTES: "\n".join([*environment.notes, *granted.notes]),
            **platform_variables(self._around, unit, job.region, request["RoleArn"]),
            **(request.get("Environment") or {}),
        }
        source = _source_archive(request.get("HyperParameters") or {})
        archive = opt_ml / "input" / "source" / "sourcedir.tar.gz" if source else None
        if source and archive:
            staging.place_object(objects, source, archive)
            variables["CLARY_SOURCE_ARCHIVE"] = "/opt/ml/input/source/sourcedir.tar.gz"
        spec = UnitSpec(
            unit_id=unit,
            argv=[*(FEED if fed else ()), *_command(request["AlgorithmSpecification"])],
            variables=variables,
            environment=environment.path,
            front=environment.front,
            opt_ml=opt_ml,
            hostname=host.name if len(hosts) > 1 else "",
            names=names_of(hosts),
            network=not request.get("EnableNetworkIsolation", False),
            staged=[opt_ml / "input"],
            limits=replace(
                granted.limits,
                volume_bytes=volume_of(host.instance_type, request["ResourceConfig"].get("VolumeSizeInGB")),
                max_runtime_seconds=_seconds_left(job),
                grace_seconds=_GRACE_SECONDS,
            ),
        )
        return with_packages_of_training(self._around, spec, request, archive)

    def look(self, job: Resource, opt_ml: Path, objects: Callable[[], RoleObjects], now: datetime) -> None:
        checkpoints.upload_rested(objects, job.document["request"], opt_ml, now)

    def listen(self, job: Resource, units: Sequence[str], *, ended: bool) -> tuple[Resource, bool]:
        return self._courses.follow(job, units, ended=ended)

    def collect(
        self, job: Resource, folders: Sequence[Path], objects: RoleObjects, state: UnitState
    ) -> dict[str, Any]:
        """A job that failed keeps what it left of a model and of output/data, unless that was too much.

        The instances share one model: of files with the same name, the first instance's counts.
        """
        request = job.document["request"]
        opt_ml = folders[0]
        try:
            for folder in reversed(folders):
                checkpoints.upload_rest(objects, request, folder)
        finally:  # a bucket that refuses checkpoints must not cost the model
            for other in folders[1:]:
                merge(other / "model", opt_ml / "model")
                merge(other / "output" / "data", opt_ml / "output" / "data")
            if not state.out_of_space:  # its disk is full of them
                _upload_artifacts(objects, request, opt_ml, whole=state.exit_code == 0 or bool(state.stopped_by))
        return {}

    def enter(self, document: dict[str, Any], secondary: str, now: datetime) -> dict[str, Any]:
        document = begun_anew(document) if secondary == "Restarting" else document
        transitions = [dict(step) for step in document["transitions"]]
        transitions[-1].setdefault("EndTime", now)
        step = {"Status": secondary, "StartTime": now, "StatusMessage": _MESSAGES[secondary]}
        if secondary not in {"DownloadingTrainingImage", "Downloading", "Training", "Uploading"}:
            step["EndTime"] = now
        return {**document, "secondary": secondary, "transitions": [*transitions, step]}


def _place_channels(
    objects: RoleObjects, request: dict[str, Any], opt_ml: Path, host: Host, hosts: Sequence[Host]
) -> bool:
    """Returns whether there are pipes to be fed.

    Of the instances of a built-in algorithm the first one trains: it gets all of what others would share.
    """
    whole = is_built_in(request)
    default = request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    fed: list[staging.Pipe] = []
    with staging.downloading("Data download failed:"):
        for channel in request.get("InputDataConfig") or []:
            source = channel["DataSource"].get("S3DataSource") or {}
            share = (0, 1) if whole else share_of(host, hosts, source.get("InstanceGroupNames") or [])
            if share:
                place, count = share
                fed += staging.place_channel(objects, channel, opt_ml, host=place, hosts=count, default_mode=default)
    if fed:
        pipes.write_plan(opt_ml, fed)
    return bool(fed)


def _command(algorithm: dict[str, Any]) -> list[str]:
    """ContainerEntrypoint and ContainerArguments follow Docker's rules; the default is the training toolkit."""
    if algorithm.get("ContainerEntrypoint"):
        return [*algorithm["ContainerEntrypoint"], *(algorithm.get("ContainerArguments") or [])]
    return ["python", "-m", "clary_toolkit", *(algorithm.get("ContainerArguments") or ["train"])]


def _seconds_left(job: Resource) -> float:
    """MaxRuntimeInSeconds holds for all attempts together."""
    longest: float = job.document["request"]["StoppingCondition"]["MaxRuntimeInSeconds"]
    used: float = job.document.get("used_seconds", 0.0)
    return max(longest - used, 1.0)


def _sdk_version(algorithm: dict[str, Any]) -> str | None:
    """Functions that the SDK sent (@remote, @step) are unpacked by the SDK inside the job, told by its script. None
    where there is no function."""
    if not any(_FUNCTION_CHANNEL in word for word in algorithm.get("ContainerEntrypoint") or []):
        return None
    words: list[str] = algorithm.get("ContainerArguments") or []
    return dict(pairwise(words)).get(_SDK_VERSION, "")


def _source_archive(hyperparameters: dict[str, str]) -> str | None:
    """The SDK's uploaded script archive; script-mode values are JSON-encoded strings."""
    value = hyperparameters.get("sagemaker_submit_directory")
    if value is None:
        return None
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(value)
    return value if isinstance(value, str) and value.startswith("s3://") else None


def _empty(opt_ml: Path) -> None:
    shutil.rmtree(opt_ml, ignore_errors=True)
    for folder in ("input/config", "input/data", "model", "output/data", "checkpoints", "code"):
        (opt_ml / folder).mkdir(parents=True)


def _upload_artifacts(objects: RoleObjects, request: dict[str, Any], opt_ml: Path, *, whole: bool) -> None:
    config = request["OutputDataConfig"]
    target = f"{config['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}/output"
    model, output = opt_ml / "model", opt_ml / "output" / "data"
    if whole or _holds_something(model):
        if config.get("CompressionType") == "NONE":
            uploads.upload_folder(objects, model, f"{target}/model", opt_ml)
        else:
            _upload_archive(objects, model, f"{target}/model.tar.gz", opt_ml)
    if _holds_something(output):
        _upload_archive(objects, output, f"{target}/output.tar.gz", opt_ml)


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _upload_archive(objects: RoleObjects, folder: Path, uri: str, opt_ml: Path) -> None:
    archive = opt_ml.parent / "upload.tar.gz"
    archives.pack(folder, archive, opt_ml)
    bucket, key = sources.parse_s3_uri(uri)
    objects.store(bucket, key, archive)
    archive.unlink()
