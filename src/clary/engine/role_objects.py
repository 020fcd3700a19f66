"""S3 as an execution role sees it: staging and uploads of a job may touch only what policies allow it.

These are the role's own and the bucket's, which may refuse what the role allows, or allow what the role does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from clary.access.evaluation import AccessRequest, PolicySet, evaluate, time_keys
from clary.access.principals import Principal
from clary.base.arns import parse_arn
from clary.base.errors import AccessDenied, ApiError
from clary.runtimes.errors import StagingError
from clary.store import buckets, objects, principals
from clary.store.buckets import BucketNotFound, BucketOfOther
from clary.store.database import Database
from clary.store.storage import OwnStorage, Storage

# Clary moves the files of a job within this machine, on behalf of SageMaker: nothing crosses a network in the clear.
_OF_CLARY: Mapping[str, str] = MappingProxyType({"aws:securetransport": "true", "aws:viaawsservice": "false"})


class RoleObjects:
    """Implements `runtimes.sources.Objects` for one role."""

    def __init__(self, storage: Storage, database: Database, role_arn: str, session: str, now: datetime) -> None:
        self._storage = storage
        self._database = database
        self._now = now
        role = parse_arn(role_arn)
        self._account = role.account
        self._principal = Principal(
            arn=f"arn:aws:sts::{role.account}:assumed-role/{role.resource_name}/{session}",
            account=role.account,
            kind="assumed-role",
            principal_id="",
            role_arn=role_arn,
            session_name=session,
        )
        with database.read() as tx:
            found = principals.policies_of(tx, role_arn)
        self._policies = PolicySet(
            identity=found.policies if found else (), boundary=found.boundary if found else None
        )

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """(key, size) of every object below the prefix, in key order."""
        self._check("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": prefix})
        with _told(bucket):
            yield from ((key, size) for key, size, _ in self._storage.list(self._account, bucket, prefix))

    def contents(self, bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
        """(key, ETag) of every object below the prefix, in key order."""
        self._check("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": prefix})
        with _told(bucket):
            yield from ((key, etag) for key, _, etag in self._storage.list(self._account, bucket, prefix))

    def size(self, bucket: str, key: str) -> int:
        """Bytes of an object; FileNotFoundError when there is none."""
        self._check("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
        with _told(bucket):
            return self._storage.size(self._account, bucket, key)

    def fetch(self, bucket: str, key: str, target: Path) -> None:
        """Copy an object into a new file; FileNotFoundError when there is none."""
        self._check("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
        with _told(bucket):
            self._storage.fetch(self._account, bucket, key, target)

    def store(self, bucket: str, key: str, source: Path) -> None:
        self._check("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")
        with _told(bucket):
            self._storage.store(self._account, bucket, key, source, self._now)

    def _check(self, action: str, resource: str, context: Mapping[str, str] = MappingProxyType({})) -> None:
        bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
        access = buckets.access(self._database, bucket) if isinstance(self._storage, OwnStorage) else None
        policies, keys = self._policies, {**_OF_CLARY, **time_keys(self._now), **context}
        if access is not None and access.account == self._account:  # what belongs to others is not reached anyway
            keys |= {"aws:resourceaccount": access.account, "s3:resourceaccount": access.account}
            if access.policy is not None:
                policies = replace(policies, resource=(access.policy["document"],))
        if action == "s3:GetObject" and policies.asks_object_tags():
            keys |= self._tags(bucket, key)
        request = AccessRequest(principal=self._principal, action=action, resource=resource, context=keys)
        decision = evaluate(request, policies)
        if not decision.allowed:
            raise AccessDenied(decision.message(request))

    def _tags(self, bucket: str, key: str) -> dict[str, str]:
        """Condition keys for the tags of an object; those of an object in another S3 are not known here."""
        if not isinstance(self._storage, OwnStorage):
            return {}
        with self._database.read() as tx:
            found = buckets.find(tx, bucket)
            stored = objects.find(tx, found, key) if found else None
        tags = stored.document.get("tags", {}) if stored else {}
        return {f"s3:existingobjecttag/{name.lower()}": value for name, value in tags.items()}


@contextmanager
def _told(bucket: str) -> Iterator[None]:
    """A bucket that cannot be had is the caller's mistake, in the words of S3."""
    try:
        yield
    except BucketNotFound as error:
        raise StagingError(f"NoSuchBucket (404): The specified bucket does not exist: {bucket}") from error
    except BucketOfOther as error:
        raise AccessDenied(f"the bucket {bucket} belongs to another account") from error
    except ApiError as error:
        if isinstance(error, AccessDenied):
            raise
        raise StagingError(f"{error.code} ({error.status}): {error.message}") from error
