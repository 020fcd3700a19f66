"""May the caller do this to a bucket or object: the checks of S3, which count the bucket's own policy and its owner.

Handlers whose action depends on the request (a version, several keys) call this themselves; for the others
`bucket_policies`, `owner_keys` and `object_keys` give the dispatch table what control needs. Across accounts both
sides must allow, and nobody unknown is let in but by the policy: `access.evaluation` decides that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.access.evaluation import Document
from clary.services.context import Context
from clary.services.s3 import condition_keys, errors, public_access
from clary.store import buckets
from clary.store.buckets import Access

_BLIND_TO_TAGS = frozenset({"s3:DeleteObject"})  # S3 has no key for the tags of what is deleted


def bucket_policies(context: Context, request: dict[str, Any]) -> tuple[Document, ...]:
    """The policy of the bucket of a request, if it has one that counts for the caller."""
    return _policies(context, _access(context, request["Bucket"]))


def owner_keys(context: Context, request: dict[str, Any]) -> Mapping[str, str]:
    """Condition keys that say whose the bucket of a request is: its ARN does not."""
    return _keys(_access(context, request["Bucket"]))


def object_keys(context: Context, request: dict[str, Any]) -> Mapping[str, Any]:
    """The same for a request that makes an object, with what it says of the object."""
    return {**condition_keys.of_request(request), **owner_keys(context, request)}


def check(context: Context, action: str, bucket: str, keys: Mapping[str, str] | None = None) -> None:
    """Raise AccessDenied unless the caller may do this to the bucket."""
    _authorize(context, action, bucket, f"arn:aws:s3:::{bucket}", keys or {})


def check_object(context: Context, request: dict[str, Any], action: str) -> None:
    """The same for an object of a request; versions have actions of their own (s3:GetObjectVersion ...)."""
    resource = f"arn:aws:s3:::{request['Bucket']}/{request['Key']}"
    keys = condition_keys.of_request(request)
    if action not in _BLIND_TO_TAGS:
        keys |= condition_keys.of_object(context, request, bucket_policies(context, request))
    asked = action if request.get("VersionId") is None else versioned(action)
    _authorize(context, asked, request["Bucket"], resource, keys)


def versioned(action: str) -> str:
    """s3:GetObject -> s3:GetObjectVersion, s3:GetObjectTagging -> s3:GetObjectVersionTagging."""
    start, _, rest = action.partition("Object")
    return f"{start}ObjectVersion{rest}"


def _authorize(context: Context, action: str, bucket: str, resource: str, keys: Mapping[str, Any]) -> None:
    access = _access(context, bucket)
    context.authorize(action, resource, {**keys, **_keys(access)}, _policies(context, access))


def _access(context: Context, bucket: str) -> Access | None:
    elsewhere = bool(context.settings.s3_endpoint_url)  # then a bucket of that name here is another one
    found = None if elsewhere else buckets.access(context.database, bucket)
    if found is None and context.principal.kind == "anonymous":
        raise errors.no_such_bucket(bucket)
    return found


def _keys(access: Access | None) -> Mapping[str, str]:
    if access is None:
        return {}
    return {"aws:resourceaccount": access.account, "s3:resourceaccount": access.account}


def _policies(context: Context, access: Access | None) -> tuple[Document, ...]:
    """Strangers to the account cannot count on a public policy while public access is restricted."""
    if access is None or access.policy is None:
        return ()
    document: Document = access.policy["document"]
    at_home = context.principal.account == access.account or context.principal.kind == "service"
    if not at_home and public_access.restricted(access.public_access) and public_access.is_public(document):
        return ()
    return (document,)
