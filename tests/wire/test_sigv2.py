"""Presigned URLs of the older kind, as botocore makes them by default in us-east-1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import botocore.session
import pytest

from clary.base.errors import ApiError
from clary.wire.http import RequestHead
from clary.wire.sigv2 import read_presigned, verify_presigned

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


OF_BUCKETS = ("list_objects_v2", "head_bucket", "delete_bucket", "get_bucket_acl", "get_bucket_replication")


def presigned(operation: str, token: str | None = None, **parameters: str) -> RequestHead:
    client = botocore.session.get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9000",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key=SECRET,
        aws_session_token=token,
    )
    key = {} if operation in OF_BUCKETS else {"Key": "deep/k ü"}
    url = client.generate_presigned_url(operation, Params={"Bucket": "b", **key, **parameters})
    assert "AWSAccessKeyId=" in url
    parts = urlsplit(url)
    return RequestHead(
        {"get": "GET", "lis": "GET", "put": "PUT", "hea": "HEAD", "del": "DELETE"}[operation[:3]],
        parts.path,
        parts.query,
        {"host": parts.netloc},
    )


def check(head: RequestHead, *, secret: str = SECRET, later: float = 0) -> None:
    signature = read_presigned(head, "us-east-1")
    assert signature is not None
    verify_presigned(head, signature, secret, "", datetime.now(UTC) + timedelta(seconds=later))


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("get_object", {}),
        ("get_object", {"ResponseContentType": "text/csv"}),
        ("head_object", {}),
        ("put_object", {}),
        ("delete_object", {}),
        ("get_object_retention", {}),
        ("list_objects_v2", {"Prefix": "deep/"}),
        *((operation, {}) for operation in OF_BUCKETS),
    ],
)
@pytest.mark.parametrize("token", [None, "a+token/=="])
def test_what_botocore_signs_is_accepted(operation: str, parameters: dict[str, str], token: str | None) -> None:
    check(presigned(operation, token, **parameters))


def test_anything_changed_is_refused() -> None:
    head = presigned("get_object", "token")
    query = head.query
    changed = [
        RequestHead("PUT", head.path, query, head.headers),
        RequestHead("GET", head.path + "x", query, head.headers),
        RequestHead("GET", head.path, query.replace("Expires=1", "Expires=2"), head.headers),
        RequestHead("GET", head.path, query.replace("token", "other"), head.headers),
        RequestHead("GET", head.path, query + "&response-content-type=text%2Fhtml", head.headers),
        RequestHead("GET", head.path, query, {**head.headers, "x-amz-acl": "public-read"}),
        RequestHead("GET", head.path, query, {**head.headers, "content-type": "text/html"}),
    ]
    for other in changed:
        with pytest.raises(ApiError) as refused:
            check(other)
        assert refused.value.code == "SignatureDoesNotMatch"
    with pytest.raises(ApiError):
        check(head, secret=SECRET[::-1])


def test_its_time_is_limited() -> None:
    head = presigned("get_object")
    check(head, later=3590)
    with pytest.raises(ApiError) as refused:
        check(head, later=3610)
    assert (refused.value.code, refused.value.message) == ("AccessDenied", "Request has expired")


def test_other_requests_are_left_to_others() -> None:
    assert read_presigned(RequestHead("GET", "/b/k", "X-Amz-Signature=1", {}), "us-east-1") is None
    for query in ("AWSAccessKeyId=A", "AWSAccessKeyId=A&Signature=x", "AWSAccessKeyId=A&Signature=x&Expires=soon"):
        with pytest.raises(ApiError):
            read_presigned(RequestHead("GET", "/b/k", query, {}), "us-east-1")
