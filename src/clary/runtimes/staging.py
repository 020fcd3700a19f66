"""Puts a job's inputs where its code looks for them.

Channels, models and the /opt/ml configuration files. Which objects an S3 location stands for is in `sources`, what
is streamed instead of placed in `pipes`. Keys are hostile: one that cannot be a file below its folder is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clary.base.errors import AccessDenied
from clary.runtimes import archives, pipes, sources
from clary.runtimes.errors import StagingError
from clary.runtimes.sharding import shard, shuffled
from clary.runtimes.sources import Found, Objects, parse_s3_uri

_HOST = "algo-1"
Pipe = Mapping[str, Any]


@contextmanager
def downloading(words: str) -> Iterator[None]:
    """Whatever keeps the inputs from being had is told behind AWS's words for it."""
    try:
        yield
    except StagingError as error:
        raise StagingError(f"{words}{error}") from error
    except AccessDenied as error:
        raise StagingError(f"{words}AccessDenied (403): {error.message}") from error


# -- inputs --------------------------------------------------------------------------------------------------------


def place_channel(
    objects: Objects, channel: Mapping[str, Any], opt_ml: Path, *, host: int, hosts: int, default_mode: str = "File"
) -> list[Pipe]:
    """One element of InputDataConfig, below input/data/CHANNEL; in Pipe mode, what is to be fed into which pipe."""
    name = channel["ChannelName"]
    source = channel.get("DataSource", {}).get("S3DataSource")
    if source is None:
        raise StagingError(f"Channel {name} has no S3DataSource; Clary reads channels from S3 only.")
    below = _relative(name, name)
    mode = channel.get("InputMode") or default_mode
    if mode == "Pipe":
        return [pipes.place_pipe(objects, source, channel, f"/opt/ml/input/data/{name}", opt_ml, (host, hosts))]
    seed = (channel.get("ShuffleConfig") or {}).get("Seed")
    _place(objects, source, opt_ml / "input" / "data" / below, (host, hosts), seed, read_only=mode == "FastFile")
    return []


def place_processing_input(
    objects: Objects, s3_input: Mapping[str, Any], opt_ml: Path, *, host: int, hosts: int
) -> list[Pipe]:
    """The S3Input of one processing input, at its LocalPath; in Pipe mode, what is to be fed into which pipe."""
    target = local_path(opt_ml, s3_input["LocalPath"])
    if s3_input.get("S3InputMode") == "Pipe":
        target.parent.mkdir(parents=True, exist_ok=True)
        pipe = s3_input["LocalPath"].rstrip("/")
        return [pipes.place_pipe(objects, s3_input, {}, pipe, opt_ml, (host, hosts))]
    _place(objects, s3_input, target, (host, hosts))
    return []


def _place(
    objects: Objects,
    source: Mapping[str, Any],
    target: Path,
    share: tuple[int, int],
    seed: int | None = None,
    *,
    read_only: bool = False,
) -> None:
    """All objects of a source, as files below `target`; with ShardedByS3Key each instance takes its share."""
    found = sources.find_objects(objects, source["S3Uri"], source.get("S3DataType", "S3Prefix"))
    if seed is not None:
        found = shuffled(found, seed)
    if source.get("S3DataDistributionType") == "ShardedByS3Key":
        found = shard(found, *share)
    place_found(objects, found, target, read_only=read_only)


def place_found(objects: Objects, found: Iterable[Found], target: Path, *, read_only: bool = False) -> None:
    """Each object as a file below `target`. All names are checked before the first byte is written."""
    planned: dict[Path, tuple[str, str]] = {}
    folders: set[Path] = set()
    for bucket, key, name in found:
        path = _relative(name, key)
        if path in planned:
            raise StagingError(f"The key {shown(key)} would be written to the same file as another one.")
        planned[path] = (bucket, key)
        folders.update(path.parents)
    for path, (_, key) in planned.items():
        if path in folders:
            raise StagingError(
                "Please check your s3 objects and ensure that there is no object that is both a folder as well as "
                f"a file: {shown(key)}"
            )
    target.mkdir(parents=True, exist_ok=True)
    for path, (bucket, key) in planned.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        sources.fetch(objects, bucket, key, target / path)
        if read_only:
            (target / path).chmod(0o444)


def _relative(name: str, key: str) -> Path:
    """A path that stays below the folder it is joined to. Raises StagingError."""
    parts = name.split("/")
    possible = all(0 < len(part.encode("utf-8", "surrogateescape")) <= 255 for part in parts)
    if not possible or {".", ".."} & set(parts) or "\0" in name or len(name) > 3000:
        raise StagingError(f"The key {shown(key)} cannot be a file name; nothing was written.")
    return Path(*parts)


def shown(key: str) -> str:
    return repr(key if len(key) <= 200 else f"{key[:200]}...")


def place_object(objects: Objects, uri: str, target: Path) -> None:
    """A single object, as the file `target`."""
    bucket, key = parse_s3_uri(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    sources.fetch(objects, bucket, key, target)


def place_model(objects: Objects, container: Mapping[str, Any], target: Path) -> None:
    """ModelDataUrl, or ModelDataSource, of a container definition, unpacked into `target` (empty or missing)."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    uri = source["S3Uri"] if source else container.get("ModelDataUrl")
    if not uri:
        return
    if source and source.get("CompressionType", "None") == "None":
        place_found(objects, sources.find_objects(objects, uri), target)
        return
    archive = target.with_name(f".{target.name}.tar.gz")
    archive.unlink(missing_ok=True)
    place_object(objects, uri, archive)
    try:
        archives.extract(archive, target)
    finally:
        archive.unlink()


# -- configuration files -------------------------------------------------------------------------------------------


def write_training_config(opt_ml: Path, request: Mapping[str, Any], host: str = _HOST) -> None:
    """input/config/*.json of a training container, from the CreateTrainingJob request."""
    folder = opt_ml / "input" / "config"
    resources = request["ResourceConfig"]
    default_mode = request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    channels = {
        channel["ChannelName"]: _channel_config(channel, default_mode)
        for channel in request.get("InputDataConfig") or ()
    }
    hyperparameters = {str(name): str(value) for name, value in (request.get("HyperParameters") or {}).items()}
    _write(folder / "hyperparameters.json", hyperparameters)
    _write(folder / "inputdataconfig.json", channels)
    _write(folder / "resourceconfig.json", _resource_config(resources.get("InstanceType", ""), host))
    checkpoints = request.get("CheckpointConfig")
    if checkpoints:
        local = checkpoints.get("LocalPath") or "/opt/ml/checkpoints"
        _write(folder / "checkpointconfig.json", {**checkpoints, "LocalPath": local})


def _channel_config(channel: Mapping[str, Any], default_mode: str) -> dict[str, str]:
    source = channel.get("DataSource", {}).get("S3DataSource", {})
    config = {
        "TrainingInputMode": channel.get("InputMode") or default_mode,
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if channel.get("ContentType"):
        config["ContentType"] = channel["ContentType"]
    return config


def _resource_config(instance_type: str, host: str) -> dict[str, Any]:
    group = "homogeneousCluster"
    return {
        "current_host": host,
        "current_instance_type": instance_type,
        "current_group_name": group,
        "hosts": [host],
        "instance_groups": [{"instance_group_name": group, "instance_type": instance_type, "hosts": [host]}],
        "network_interface_name": "eth0",
    }


def write_processing_config(opt_ml: Path, arn: str, request: Mapping[str, Any], host: str = _HOST) -> None:
    """config/*.json of a processing container, from the CreateProcessingJob request."""
    _write(opt_ml / "config" / "processingjobconfig.json", {"ProcessingJobArn": arn, **request})
    _write(opt_ml / "config" / "resourceconfig.json", {"current_host": host, "hosts": [host]})


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, default=str))


def local_path(opt_ml: Path, path: str) -> Path:
    """The host path of one below /opt/ml. Raises StagingError for any other."""
    inside = path.removeprefix("/opt/ml/")
    if inside == path:
        raise StagingError(f"{path} does not lie below /opt/ml.")
    return opt_ml / _relative(inside.rstrip("/"), path)
