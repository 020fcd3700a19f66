"""Puts a job's inputs where its code looks for them, and brings what it leaves to S3.

Channels, models and the /opt/ml configuration files. Where objects come from, and with whose permission, is the
engine's: it hands an `Objects` in. Keys are hostile: one that cannot be a file below its folder is refused.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from clary.runtimes import archives
from clary.runtimes.errors import StagingError

_MANIFEST_BYTES = 64 * 1024**2
_HOST = "algo-1"
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?")


class Objects(Protocol):
    """S3 as one role sees it. Denials are raised by the implementation, as whatever error it likes."""

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """(key, size) of every object whose key begins with `prefix`, in the order of the keys."""

    def fetch(self, bucket: str, key: str, target: Path) -> None:
        """Copy an object into a new file. FileNotFoundError when there is none."""

    def store(self, bucket: str, key: str, source: Path) -> None:
        """Put a file's content under a key."""


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """(bucket, key) of s3://bucket/key or of an https address of S3 in either style."""
    try:
        parts = urlsplit(uri)
        parts.hostname  # noqa: B018 - reading it is what finds some malformed addresses
    except ValueError as error:
        raise StagingError(f"{uri} is not a valid S3 address: {error}.") from error
    if parts.scheme == "s3" and parts.netloc:
        # Not parts.path: a key may hold ? and #.
        return parts.netloc, uri.partition("://")[2].partition("/")[2]
    if parts.scheme in ("http", "https"):
        found = _S3_HOST.fullmatch(parts.hostname or "")
        path = unquote(parts.path).removeprefix("/")
        if found and found["bucket"]:
            return found["bucket"], path
        bucket, _, key = path.partition("/")
        if found and bucket:
            return bucket, key
    raise StagingError(f"{uri} is not an S3 location (s3://bucket/key).")


# -- inputs --------------------------------------------------------------------------------------------------------


def place_channel(objects: Objects, channel: Mapping[str, Any], opt_ml: Path, *, host: int, hosts: int) -> None:
    """One element of InputDataConfig, below input/data/CHANNEL."""
    name = channel["ChannelName"]
    source = channel.get("DataSource", {}).get("S3DataSource")
    if source is None:
        raise StagingError(f"Channel {name} has no S3DataSource; Clary reads channels from S3 only.")
    if channel.get("InputMode") == "Pipe":
        raise StagingError(f"Channel {name} asks for Pipe mode, which is not available; use File or FastFile.")
    target = opt_ml / "input" / "data" / _relative(name, name)
    distribution = source.get("S3DataDistributionType", "FullyReplicated")
    place_source(objects, source["S3Uri"], source.get("S3DataType", "S3Prefix"), target, distribution, host, hosts)


def place_processing_input(
    objects: Objects, s3_input: Mapping[str, Any], opt_ml: Path, *, host: int, hosts: int
) -> None:
    """The S3Input of one processing input, at its LocalPath."""
    target = local_path(opt_ml, s3_input["LocalPath"])
    kind = s3_input.get("S3DataType", "S3Prefix")
    distribution = s3_input.get("S3DataDistributionType", "FullyReplicated")
    place_source(objects, s3_input["S3Uri"], kind, target, distribution, host, hosts)


def place_source(
    objects: Objects, uri: str, data_type: str, target: Path, distribution: str, host: int, hosts: int
) -> None:
    """All objects of a source, as files below `target`; with ShardedByS3Key each host takes its share."""
    found = find_objects(objects, uri, data_type, target)
    if distribution == "ShardedByS3Key":
        found = sorted(found)[host::hosts]
    _place_all(objects, found, target)


def find_objects(objects: Objects, uri: str, data_type: str, target: Path) -> list[tuple[str, str, str]]:
    """(bucket, key, path below the source) of a source's objects; a manifest is read beside `target`."""
    if data_type == "S3Prefix":
        found = list(_below_prefix(objects, uri))
    elif data_type == "ManifestFile":
        found = list(_in_manifest(objects, uri, target))
    else:
        raise StagingError(f"S3DataType {data_type} is not available; use S3Prefix or ManifestFile.")
    if not found:
        raise StagingError(f"No objects were found under {uri}. Check the S3 location and its spelling.")
    return found


def _below_prefix(objects: Objects, uri: str) -> Iterator[tuple[str, str, str]]:
    """(bucket, key, path below the channel). The path begins behind the folder that the prefix names."""
    bucket, prefix = parse_s3_uri(uri)
    folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
    above = prefix.rpartition("/")[0]
    for key, size in objects.list(bucket, prefix):
        if key.endswith("/") and size == 0:
            continue  # how consoles mark an empty folder
        if key.startswith(folder):
            yield bucket, key, key[len(folder) :]
        else:  # the object itself, or others whose name goes on
            yield bucket, key, key[len(above) + 1 :] if above else key


def _in_manifest(objects: Objects, uri: str, target: Path) -> Iterator[tuple[str, str, str]]:
    bucket, key = parse_s3_uri(uri)
    sizes = dict(objects.list(bucket, key))
    if sizes.get(key, 0) > _MANIFEST_BYTES:
        raise StagingError(f"The manifest {uri} is larger than {_MANIFEST_BYTES} bytes.")
    copy = target.with_name(f".{target.name}.manifest")
    place_object(objects, uri, copy)
    try:
        entries = json.loads(copy.read_bytes())
    except (ValueError, RecursionError) as error:
        raise StagingError(f"The manifest {uri} is not JSON: {error}") from error
    finally:
        copy.unlink()
    if not (isinstance(entries, list) and entries and isinstance(entries[0], dict) and "prefix" in entries[0]):
        raise StagingError(f'The manifest {uri} must be a list that begins with {{"prefix": "s3://..."}}.')
    base, prefix = parse_s3_uri(str(entries[0]["prefix"]))
    for entry in entries[1:]:
        if not isinstance(entry, str):
            raise StagingError(f"The manifest {uri} holds {str(entry)[:80]!r} where a key must be.")
        yield base, prefix + entry, entry


def _place_all(objects: Objects, found: Iterable[tuple[str, str, str]], target: Path) -> None:
    """Check all names before the first byte is written."""
    planned: dict[Path, tuple[str, str]] = {}
    folders: set[Path] = set()
    for bucket, key, name in found:
        path = _relative(name, key)
        if path in planned:
            raise StagingError(f"The key {_shown(key)} would be written to the same file as another one.")
        planned[path] = (bucket, key)
        folders.update(path.parents)
    for path, (_, key) in planned.items():
        if path in folders:
            raise StagingError(f"The key {_shown(key)} is needed both as a file and as a folder.")
    target.mkdir(parents=True, exist_ok=True)
    for path, (bucket, key) in planned.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        _fetch(objects, bucket, key, target / path)


def _relative(name: str, key: str) -> Path:
    """A path that stays below the folder it is joined to. Raises StagingError."""
    parts = name.split("/")
    possible = all(0 < len(part.encode("utf-8", "surrogateescape")) <= 255 for part in parts)
    if not possible or {".", ".."} & set(parts) or "\0" in name or len(name) > 3000:
        raise StagingError(f"The key {_shown(key)} cannot be a file name; nothing was written.")
    return Path(*parts)


def _shown(key: str) -> str:
    return repr(key if len(key) <= 200 else f"{key[:200]}...")


def place_object(objects: Objects, uri: str, target: Path) -> None:
    """A single object, as the file `target`."""
    bucket, key = parse_s3_uri(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    _fetch(objects, bucket, key, target)


def _fetch(objects: Objects, bucket: str, key: str, target: Path) -> None:
    try:
        objects.fetch(bucket, key, target)
    except FileNotFoundError as error:
        raise StagingError(f"There is no object s3://{bucket}/{key}.") from error


def place_model(objects: Objects, container: Mapping[str, Any], target: Path) -> None:
    """ModelDataUrl, or ModelDataSource, of a container definition, unpacked into `target` (empty or missing)."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    uri = source["S3Uri"] if source else container.get("ModelDataUrl")
    if not uri:
        return
    if source and source.get("CompressionType", "None") == "None":
        place_source(objects, uri, "S3Prefix", target, "FullyReplicated", 0, 1)
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


# -- outputs -------------------------------------------------------------------------------------------------------


def local_path(opt_ml: Path, path: str) -> Path:
    """The host path of one below /opt/ml. Raises StagingError for any other."""
    inside = path.removeprefix("/opt/ml/")
    if inside == path:
        raise StagingError(f"{path} does not lie below /opt/ml.")
    return opt_ml / _relative(inside.rstrip("/"), path)


def upload_folder(objects: Objects, folder: Path, uri: str, root: Path | None = None) -> int:
    """Store every file below `folder` under the prefix `uri`; returns how many. Links are not followed."""
    count = 0
    for path, key in list_outputs(folder, parse_s3_uri(uri)[1], root):
        objects.store(parse_s3_uri(uri)[0], key, path)
        count += 1
    return count


def list_outputs(folder: Path, prefix: str, root: Path | None = None) -> Iterator[tuple[Path, str]]:
    """(file, key) of the plain files below a folder, in order. With `root`, the way to the folder is checked too."""
    archives.check_way(folder, root)
    base = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file():
                continue
            key = base + str(path.relative_to(folder))
            if not key.isprintable() and "\udc80" <= max(key) <= "\udcff":
                raise StagingError(f"The output file {_shown(key)} has a name that is not UTF-8.")
            yield path, key
