"""Bucket policies: kept as text, checked when they are put, evaluated beside the caller's own (see `permission`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.access.documents import MalformedPolicyDocument, parse_resource_policy
from clary.base.errors import AccessDenied, ApiError
from clary.services.context import Context
from clary.services.s3.names import own_bucket
from clary.services.s3.public_access import blocked, is_public
from clary.store import buckets
from clary.store.buckets import POLICY, PUBLIC_ACCESS
from clary.store.database import Transaction

_LONGEST = 20 * 1024


def put_bucket_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    text = request["Policy"]
    document = _checked(text, request["Bucket"])
    with context.database.write() as tx:
        bucket = own_bucket(context, tx, request)
        blocks = buckets.setting(tx, bucket, PUBLIC_ACCESS)
        if is_public(document) and blocked(blocks, "BlockPublicPolicy"):
            raise AccessDenied(
                f"User: {context.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource:"
                f" arn:aws:s3:::{bucket.name} because public policies are prevented by the BlockPublicPolicy setting"
                " in S3 Block Public Access."
            )
        buckets.set_setting(tx, bucket, POLICY, {"text": text, "document": document})
    return {}


def get_bucket_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return {"Policy": _stored(context, tx, request)["text"]}


def get_bucket_policy_status(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return {"PolicyStatus": {"IsPublic": is_public(_stored(context, tx, request)["document"])}}


def delete_bucket_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        buckets.set_setting(tx, own_bucket(context, tx, request), POLICY, None)
    return {}


def _stored(context: Context, tx: Transaction, request: dict[str, Any]) -> dict[str, Any]:
    bucket = own_bucket(context, tx, request)
    found: dict[str, Any] | None = buckets.setting(tx, bucket, POLICY)
    if found is None:
        message = "The bucket policy does not exist"
        raise ApiError(message, code="NoSuchBucketPolicy", status=404, BucketName=bucket.name)
    return found


def _checked(text: str, bucket: str) -> dict[str, Any]:
    if len(text.encode()) > _LONGEST:
        raise _malformed(f"Policies must be {_LONGEST} bytes or less.")
    try:
        document = parse_resource_policy(text)
    except MalformedPolicyDocument as error:
        raise _malformed(error.message) from None
    own = f"arn:aws:s3:::{bucket}"
    for statement in _statements(document):
        if any(action != "*" and not action.lower().startswith("s3:") for action in _texts(statement, "Action")):
            raise _malformed("Policy has invalid action")
        resources = _texts(statement, "Resource")
        if not resources or any(text != own and not text.startswith(f"{own}/") for text in resources):
            raise _malformed("Policy has invalid resource")
    return document


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    statements = document["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def _texts(statement: Mapping[str, Any], element: str) -> list[str]:
    """The texts of an element or of its negation."""
    found = statement.get(element, statement.get(f"Not{element}", []))
    return [found] if isinstance(found, str) else list(found)


def _malformed(message: str) -> ApiError:
    return ApiError(message, code="MalformedPolicy", status=400)
