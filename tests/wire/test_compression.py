from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
from botocore.compress import maybe_compress_request
from botocore.config import Config
from botocore.serialize import create_serializer

from clary.base.errors import ApiError
from clary.wire.catalog import Catalog
from clary.wire.compression import LARGEST, expanded
from clary.wire.facts import CBOR
from clary.wire.http import RequestHead
from clary.wire.parsing import parse
from clary.wire.routing import Router
from tests.wire.samples import SCOPE

METRICS = {
    "Namespace": "shop",
    "MetricData": [{"MetricName": f"metric-{number}", "Value": float(number)} for number in range(300)],
}


def compressed(catalog: Catalog, protocol: str) -> tuple[RequestHead, bytes]:
    """A big PutMetricData as botocore sends it."""
    operation = catalog.operation("cloudwatch", "PutMetricData")
    made: dict[str, Any] = create_serializer(protocol, include_validation=False).serialize_to_request(
        METRICS, operation
    )
    maybe_compress_request(Config(request_min_compression_size_bytes=0), made, operation)
    headers = {name.lower(): value for name, value in made["headers"].items()}
    headers |= {"host": "localhost", "authorization": SCOPE.format("monitoring", "0" * 64)}
    return RequestHead("POST", made["url_path"], "", headers), bytes(made["body"])


@pytest.mark.parametrize("protocol", [CBOR, "json", "query"])
def test_a_compressed_request_is_read(catalog: Catalog, router: Router, protocol: str) -> None:
    head, body = compressed(catalog, protocol)
    assert head.headers["content-encoding"] == "gzip"
    target = router.identify(head, body if router.needs_body(head) else None)
    assert (target.operation.name, target.protocol) == ("PutMetricData", protocol)
    assert parse(target, head, body) == METRICS


def test_what_an_object_is_encoded_with_stays(router: Router) -> None:
    headers = {"host": "localhost", "content-encoding": "gzip", "authorization": SCOPE.format("s3", "0" * 64)}
    head = RequestHead("PUT", "/b/k", "", headers)
    body = gzip.compress(b"content")
    values = parse(router.identify(head), head, body)
    assert (values["Body"], values["ContentEncoding"]) == (body, "gzip")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no gzip", 400),
        (gzip.compress(b"x" * 100)[:-4], 400),
        (gzip.compress(b"x") + b"more", 400),
        (zlib.compress(b"x"), 400),
        (gzip.compress(bytes(LARGEST + 1)), 413),
    ],
    ids=["empty", "other bytes", "cut", "followed", "zlib", "a bomb"],
)
def test_other_bodies_are_refused(body: bytes, status: int) -> None:
    with pytest.raises(ApiError) as caught:
        expanded(body)
    assert caught.value.status == status


def test_a_body_may_be_as_large_as_one_that_is_not_compressed() -> None:
    assert len(expanded(gzip.compress(bytes(LARGEST)))) == LARGEST
