"""May the caller do this to a bucket or object: the checks of S3, which count the bucket's own policy.

Handlers whose action depends on the request (a version, several keys) call this themselves; for the others
`bucket_policies` gives the dispatch table what control needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clary.access.evaluation import Document
from clary.services.context import Context
from clary.store import buckets

POLICY = "policy"


def bucket_policies(context: Context, request: dict[str, Any]) -> Sequence[Document]:
    """The policy of the bucket of a request, if it has one."""
    return _policies(context, request["Bucket"])


def check(context: Context, action: str, bucket: str, keys: Mapping[str, str] | None = None) -> None:
    """Raise AccessDenied unless the caller may do this to the bucket."""
    context.authorize(action, f"arn:aws:s3:::{bucket}", keys, _policies(context, bucket))


def check_object(
    context: Context, request: dict[str, Any], action: str, policies: Sequence[Document] | None = None
) -> None:
    """The same for an object of a request; versions have actions of their own (s3:GetObjectVersion ...).

    `policies` are the bucket's, for who asks about many objects and has read them once.
    """
    version = request.get("VersionId")
    found = _policies(context, request["Bucket"]) if policies is None else policies
    resource = f"arn:aws:s3:::{request['Bucket']}/{request['Key']}"
    if version is None:
        context.authorize(action, resource, None, found)
    else:
        context.authorize(versioned(action), resource, {"s3:versionid": version}, found)


def versioned(action: str) -> str:
    """s3:GetObject -> s3:GetObjectVersion, s3:GetObjectTagging -> s3:GetObjectVersionTagging."""
    start, _, rest = action.partition("Object")
    return f"{start}ObjectVersion{rest}"


def _policies(context: Context, bucket: str) -> Sequence[Document]:
    with context.database.read() as tx:
        policy = buckets.setting_by_name(tx, bucket, POLICY)
    return () if policy is None else (policy["document"],)
