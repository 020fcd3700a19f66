"""Where the objects of jobs, endpoints and functions are: in this store, or in another S3 (`s3_endpoint_url`).

Whether the role or caller may is decided before, by Clary's own policies; another S3 decides again, by the key that
this installation has there. Clary's own S3 then passes on what it is asked (services/s3/elsewhere.py).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from clary.base.errors import ApiError
from clary.base.settings import Settings
from clary.store import objects
from clary.store.blobs import Blobs
from clary.store.buckets import BucketNotFound
from clary.store.database import Database
from clary.store.objects import ObjectNotFound


class Storage(Protocol):
    """BucketNotFound, BucketOfOther, ObjectNotFound and ApiErrors say what cannot be had, and why."""

    def list(self, account: str, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
        """(key, size, ETag) of every object below the prefix, in the order of the keys."""

    def size(self, account: str, bucket: str, key: str) -> int: ...

    def fetch(self, account: str, bucket: str, key: str, target: Path) -> None:
        """Copy an object into a new file."""

    def store(self, account: str, bucket: str, key: str, source: Path, now: datetime) -> None:
        """Copy a regular file into an object. Links are not followed: jobs own what lies there."""


class OwnStorage:
    """The buckets of this store."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def list(self, account: str, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
        with self._database.read() as tx:
            yield from [(row.key, row.size, row.etag) for row in objects.walk(tx, account, bucket, prefix)]

    def size(self, account: str, bucket: str, key: str) -> int:
        with self._database.read() as tx:
            found = objects.read(tx, account, bucket, key)
        if found is None:
            raise ObjectNotFound(f"s3://{bucket}/{key}")
        return found.size

    def fetch(self, account: str, bucket: str, key: str, target: Path) -> None:
        objects.export(self._database, self._blobs, account, bucket, key, target)

    def store(self, account: str, bucket: str, key: str, source: Path, now: datetime) -> None:
        objects.put_file(self._database, self._blobs, account, bucket, key, source, now=now)


class OtherStorage:
    """The buckets of another S3. Accounts are that one's affair: there is one key for all."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def list(self, account: str, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
        with _in_words_of_the_store(bucket):
            yield from self._client.list(bucket, prefix)

    def size(self, account: str, bucket: str, key: str) -> int:
        with _in_words_of_the_store(bucket, key):
            return int(self._client.size(bucket, key))

    def fetch(self, account: str, bucket: str, key: str, target: Path) -> None:
        with _in_words_of_the_store(bucket, key):
            self._client.get(bucket, key, target)

    def store(self, account: str, bucket: str, key: str, source: Path, now: datetime) -> None:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file, _in_words_of_the_store(bucket):
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ValueError(f"{source} is not a regular file")
            self._client.put(bucket, key, file, found.st_size)

    def perform(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """An operation of S3's API. Raises ApiErrors in the words of the other side."""
        answer: dict[str, Any] = self._client.perform(operation, request)
        return answer


def other_storage(settings: Settings) -> OtherStorage:
    """Only where the settings name another S3."""
    return _other(
        settings.s3_endpoint_url,
        settings.s3_region or settings.region,
        settings.s3_access_key_id,
        settings.s3_secret_access_key,
    )


def storage_of(settings: Settings, database: Database, blobs: Blobs) -> Storage:
    """Where the settings say."""
    if not settings.s3_endpoint_url:
        return OwnStorage(database, blobs)
    return other_storage(settings)


@lru_cache(maxsize=4)
def _other(*arguments: str) -> OtherStorage:
    # Loaded by name: whoever keeps objects here should not pay for botocore's client.
    return OtherStorage(import_module("clary.wire.s3_client").S3Client(*arguments))


@contextmanager
def _in_words_of_the_store(bucket: str, key: str | None = None) -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        if error.code == "NoSuchBucket":
            raise BucketNotFound(bucket) from error
        if error.status == 404 and key is not None:
            raise ObjectNotFound(f"There is no object s3://{bucket}/{key}.") from error
        raise
