"""What an S3 location stands for: the objects of a prefix or of a manifest, each with its path below the channel.

Where objects come from, and with whose permission, is the engine's: it hands an `Objects` in. Placing them is
staging's; the wording of what cannot be had follows AWS, because people search for it.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from clary.runtimes.errors import StagingError

_MANIFEST_BYTES = 64 * 1024**2
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?")


class Objects(Protocol):
    """S3 as one role sees it. Denials are raised by the implementation, as whatever error it likes."""

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """(key, size) of every object whose key begins with `prefix`, in the order of the keys."""

    def fetch(self, bucket: str, key: str, target: Path) -> None:
        """Copy an object into a new file. FileNotFoundError when there is none."""

    def store(self, bucket: str, key: str, source: Path) -> None:
        """Put a file's content under a key."""


class Found(NamedTuple):
    """One object; `name` is its path below the source."""

    bucket: str
    key: str
    name: str


class Text(NamedTuple):
    """A value that stands in the manifest itself, as JSON."""

    text: str


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


def find_objects(objects: Objects, uri: str, data_type: str = "S3Prefix") -> list[Found]:
    """The objects of a source: a prefix in the order of its keys, a manifest in its own order."""
    if data_type == "S3Prefix":
        found = list(list_prefix(objects, uri))
    elif data_type == "ManifestFile":
        found = list(_in_manifest(objects, uri))
    else:
        raise StagingError(f"S3DataType {data_type} is not available; use S3Prefix or ManifestFile.")
    if not found:
        raise StagingError(f"S3 key: {uri} matched no files on s3")
    return found


def list_prefix(objects: Objects, uri: str) -> Iterator[Found]:
    """The objects of a prefix, maybe none. The path begins behind the folder that the prefix names."""
    bucket, prefix = parse_s3_uri(uri)
    folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
    above = prefix.rpartition("/")[0]
    for key, size in objects.list(bucket, prefix):
        if key.endswith("/") and size == 0:
            continue  # how consoles mark an empty folder
        if key.startswith(folder):
            yield Found(bucket, key, key[len(folder) :])
        else:  # the object itself, or others whose name goes on
            yield Found(bucket, key, key[len(above) + 1 :] if above else key)


# -- manifests -----------------------------------------------------------------------------------------------------


def _in_manifest(objects: Objects, uri: str) -> Iterator[Found]:
    """Entries go on behind the prefix; an entry may also be written out as a whole s3:// location below it."""
    try:
        entries = json.loads(_manifest(objects, uri))
    except (ValueError, RecursionError) as error:
        raise StagingError(f"Manifest file {uri} is not in JSON format: {str(error)[:200]}") from error
    if not isinstance(entries, list) or not entries:
        raise StagingError(f"Manifest file {uri} must be a non-empty JSON array.")
    first = entries[0]
    if not (isinstance(first, dict) and isinstance(first.get("prefix"), str)):
        raise StagingError(f'The first element of manifest file {uri} must be {{"prefix": "s3://..."}}.')
    prefix = first["prefix"]
    bucket, base = parse_s3_uri(prefix)
    for entry in entries[1:]:
        if not isinstance(entry, str) or not entry:
            raise StagingError(f"Manifest file {uri} holds {json.dumps(entry)[:80]} where a key must be.")
        if entry.startswith("s3://") and not entry.startswith(prefix):
            raise StagingError(f"Manifest file {uri} holds {entry[:200]}, which does not lie below {prefix}.")
        name = entry.removeprefix(prefix) if entry.startswith("s3://") else entry
        yield Found(bucket, base + name, name.removeprefix("/"))


def find_records(objects: Objects, uri: str, attributes: list[str]) -> list[list[Found | Text]]:
    """The records of an augmented manifest, one per line: what each attribute stands for, in the order asked for.

    An attribute whose name ends in -ref leads to an object; any other is the value itself.
    """
    records = []
    for number, line in enumerate(_manifest(objects, uri).split(b"\n"), start=1):
        if line.strip():
            records.append([_attribute(uri, number, _record(uri, number, line), name) for name in attributes])
    if not records:
        raise StagingError(f"Augmented manifest file {uri} holds no records.")
    return records


def _record(uri: str, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        text = f"Line {number} of augmented manifest file {uri} is not valid JSON: {str(error)[:200]}"
        raise StagingError(text) from error
    if not isinstance(record, dict):
        raise StagingError(f"Line {number} of augmented manifest file {uri} is not a JSON object.")
    return record


def _attribute(uri: str, number: int, record: dict[str, Any], name: str) -> Found | Text:
    if name not in record:
        raise StagingError(f"Line {number} of augmented manifest file {uri} has no attribute {name}.")
    value = record[name]
    if not name.endswith("-ref"):
        return Text(value if isinstance(value, str) else json.dumps(value))
    if not isinstance(value, str):
        raise StagingError(f"Attribute {name} in line {number} of augmented manifest file {uri} is no S3 location.")
    bucket, key = parse_s3_uri(value)
    return Found(bucket, key, key)


def _manifest(objects: Objects, uri: str) -> bytes:
    """The bytes of a manifest. Its size is known when it is here: listing it may not be allowed to the role."""
    with tempfile.TemporaryDirectory(prefix="clary-manifest-") as folder:
        copy = Path(folder, "manifest")
        fetch(objects, *parse_s3_uri(uri), copy)
        if copy.stat().st_size > _MANIFEST_BYTES:
            raise StagingError(f"Manifest file {uri} is larger than {_MANIFEST_BYTES} bytes.")
        return copy.read_bytes()


def fetch(objects: Objects, bucket: str, key: str, target: Path) -> None:
    """One object into a new file, with AWS's words when there is none."""
    try:
        objects.fetch(bucket, key, target)
    except FileNotFoundError as error:
        raise StagingError(f"NoSuchKey (404): The specified key does not exist: s3://{bucket}/{key}") from error
