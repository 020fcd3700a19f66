"""CORS configurations and the rule that a browser's request meets."""

from __future__ import annotations

from typing import Any

import pytest

from clary.services.s3.cors import grant
from tests.services.s3.client import S3

BUCKET = {"Bucket": "bucket"}
RULE = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example.org"]}


def test_a_configuration_comes_and_goes(s3: S3) -> None:
    s3.fails("GetBucketCors", "NoSuchCORSConfiguration", **BUCKET)
    s3("PutBucketCors", **BUCKET, CORSConfiguration={"CORSRules": [RULE]})
    assert s3("GetBucketCors", **BUCKET) == {"CORSRules": [RULE]}
    s3("DeleteBucketCors", **BUCKET)
    s3.fails("GetBucketCors", "NoSuchCORSConfiguration", **BUCKET)


@pytest.mark.parametrize(
    "changes",
    [
        {"AllowedMethods": ["PATCH"]},
        {"AllowedOrigins": ["https://*.*"]},
        {"AllowedHeaders": ["x-*-*"]},
        {"ExposeHeaders": ["*"]},
        {"ExposeHeaders": ["a\r\nset-cookie: b"]},
    ],
)
def test_rules_that_are_refused(s3: S3, changes: dict[str, Any]) -> None:
    s3.fails("PutBucketCors", "InvalidRequest", **BUCKET, CORSConfiguration={"CORSRules": [{**RULE, **changes}]})


def test_the_first_rule_that_fits_answers() -> None:
    anybody = {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["x-amz-*"]}
    rules: list[dict[str, Any]] = [{**RULE, "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 9}, anybody]
    first = grant(rules, "https://app.example.org", "GET")
    assert first is not None
    assert first["access-control-allow-origin"] == "https://app.example.org"
    assert (first["access-control-expose-headers"], first["access-control-max-age"]) == ("ETag", "9")
    second = grant(rules, "https://app.example.org", "PUT", ["X-Amz-Date"])
    assert second is not None
    assert (second["access-control-allow-origin"], second["access-control-allow-headers"]) == ("*", "x-amz-date")
    assert "access-control-allow-credentials" not in second
    assert grant(rules, "https://app.example.org", "DELETE") is None
    assert grant(rules, "https://app.example.org", "GET", ["authorization"]) is None
    assert grant(rules[:1], "http://app.example.org", "GET") is None
