"""Condition keys of S3's own: what a request says of the object it makes, and the tags of the object that is there.

`permission` asks for them; what every service has in common (address, time, tags of the caller) control adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from clary.access.evaluation import Document
from clary.services.context import Context
from clary.store import buckets, objects, versions

Keys: TypeAlias = "dict[str, str | list[str]]"

_OF_MEMBERS: Mapping[str, str] = {
    "ACL": "s3:x-amz-acl",
    "CopySource": "s3:x-amz-copy-source",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "StorageClass": "s3:x-amz-storage-class",
    "VersionId": "s3:versionid",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
}


def of_request(request: Mapping[str, Any]) -> Keys:
    """Keys of the headers of a request, and of the tags it gives to an object."""
    keys: Keys = {key: str(request[member]) for member, key in _OF_MEMBERS.items() if request.get(member)}
    tags = _tags(request.get("Tagging"))
    keys |= {f"s3:requestobjecttag/{name.lower()}": value for name, value in tags.items()}
    if tags:
        keys["s3:requestobjecttagkeys"] = list(tags)
    return keys


def of_object(context: Context, request: Mapping[str, Any], policies: tuple[Document, ...]) -> Keys:
    """The tags of the object (or version) that a request names. They cost a query, so only if a policy asks."""
    asked = replace(context.policies, resource=policies).asks_object_tags()
    if not asked or context.settings.s3_endpoint_url:
        return {}
    with context.database.read() as tx:
        bucket = buckets.find(tx, request["Bucket"])
        if bucket is None:
            return {}
        if request.get("VersionId") is None:
            stored = objects.find(tx, bucket, request["Key"])
        else:
            found = versions.find(tx, bucket, request["Key"], request["VersionId"])
            stored = found.stored if found is not None and not found.marker else None
    tags = stored.document.get("tags", {}) if stored is not None else {}
    return {f"s3:existingobjecttag/{name.lower()}": value for name, value in tags.items()}


def _tags(tagging: Any) -> dict[str, str]:
    """From the header of a write or the body of PutObjectTagging; what is malformed the handler refuses."""
    if isinstance(tagging, str):
        return dict(parse_qsl(tagging, keep_blank_values=True))
    entries = (tagging or {}).get("TagSet") or []
    return {entry["Key"]: entry["Value"] for entry in entries if "Key" in entry and "Value" in entry}
