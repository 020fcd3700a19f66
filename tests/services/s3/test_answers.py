"""Statuses and headers that only the rendered answer has."""

from __future__ import annotations

from clary.base.errors import ApiError
from clary.wire.catalog import Catalog
from clary.wire.http import RequestHead
from clary.wire.rendering import render, render_error
from clary.wire.routing import Router
from tests.services.s3.client import S3


def test_a_part_of_an_object_is_206_and_an_unchanged_one_304_with_its_etag(s3: S3) -> None:
    etag = s3.put("key", b"0123456789")["ETag"]
    target = Router(Catalog()).identify(RequestHead("GET", "/bucket/key", "", {}), b"")
    whole = render(target, s3.get("key"), "id")
    part = render(target, s3.get("key", Range="bytes=2-4"), "id")
    assert (whole.status, part.status) == (200, 206)
    assert part.headers["content-range"] == "bytes 2-4/10"
    assert part.body.read(100) == b"234"
    try:
        s3.get("key", IfNoneMatch=etag)
    except ApiError as error:
        unchanged = render_error(target, error, "id")
    assert (unchanged.status, unchanged.headers["etag"], unchanged.body) == (304, etag, b"")
