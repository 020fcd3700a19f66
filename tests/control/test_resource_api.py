"""boto3's resources and managed transfers against S3, as data scientists' code uses them."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from boto3.s3.transfer import TransferConfig

from tests.control.in_process import ENDPOINT, HOME, Control

MIB = 1024 * 1024
IN_PARTS = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=2)
ODD_KEYS = [
    *("o/ ", "o/+", "o/%2F", "o/a//b", "o/./x", "o/../y", "o/é☃\U0001f600", "o/&<>\"'", "o/\n", "o/\t", "o/\r\n x"),
    *("o/a?b#c", "o/~!@$^*()_-={}[]|\\:;,", "o/" + "k" * 900, "o//"),
]


@pytest.fixture(scope="module")
def bucket(control: Control) -> Any:
    resource = boto3.resource(
        "s3",
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id=f"AKIA{HOME}ROOT",
        aws_secret_access_key="secret",
    )
    control.attach(resource.meta.client)
    made = resource.Bucket("resources")
    made.create()
    return made


def test_collections_of_objects(bucket: Any) -> None:
    for number in range(5):
        bucket.put_object(Key=f"p/{number}", Body=b"x" * number)
    assert [found.key for found in bucket.objects.filter(Prefix="p/").limit(3)] == ["p/0", "p/1", "p/2"]
    assert [found.key for page in bucket.objects.filter(Prefix="p/").page_size(2).pages() for found in page] == [
        f"p/{number}" for number in range(5)
    ]
    summary = next(iter(bucket.objects.filter(Prefix="p/3")))
    assert (summary.size, summary.storage_class, summary.Object().content_length) == (3, "STANDARD", 3)
    assert summary.owner["ID"] == bucket.Acl().owner["ID"]
    assert summary.get()["Body"].read() == b"xxx"
    bucket.objects.filter(Prefix="p/").delete()
    assert list(bucket.objects.filter(Prefix="p/")) == []


def test_copies(bucket: Any) -> None:
    source = bucket.put_object(Key="c/source", Body=b"bytes", Metadata={"kept": "yes"}, ContentType="text/x")
    place = {"Bucket": bucket.name, "Key": source.key}
    bucket.Object("c/kept").copy_from(CopySource=place)
    changed = {"MetadataDirective": "REPLACE", "Metadata": {"New": "1"}, "ContentType": "text/y"}
    bucket.copy(place, "c/changed", ExtraArgs=changed)
    kept, new = bucket.Object("c/kept"), bucket.Object("c/changed")
    assert (kept.metadata, kept.content_type, kept.version_id) == ({"kept": "yes"}, "text/x", None)
    assert (new.metadata, new.content_type) == ({"new": "1"}, "text/y")
    new.wait_until_exists()


def test_transfers_in_parts(bucket: Any) -> None:
    data = bytes(range(256)) * 4 * 12 * 1024  # 12 MiB
    extra = {"ContentType": "a/b", "Metadata": {"k": "v"}, "Tagging": "x=1&y=2", "Expires": "2030-01-01"}
    bucket.upload_fileobj(io.BytesIO(data), "big", ExtraArgs=extra, Config=IN_PARTS)
    read = io.BytesIO()
    bucket.download_fileobj("big", read, Config=IN_PARTS)
    assert read.getvalue() == data
    big = bucket.Object("big")
    assert (big.content_type, big.metadata, big.e_tag[-3:]) == ("a/b", {"k": "v"}, '-3"')
    part = big.get(PartNumber=2)
    assert (part["PartsCount"], part["ContentRange"]) == (3, f"bytes {5 * MIB}-{10 * MIB - 1}/{12 * MIB}")
    assert part["Body"].read() == data[5 * MIB : 10 * MIB]
    tags = bucket.meta.client.get_object_tagging(Bucket=bucket.name, Key="big")["TagSet"]
    assert tags == [{"Key": "x", "Value": "1"}, {"Key": "y", "Value": "2"}]
    bucket.Object("copied").copy({"Bucket": bucket.name, "Key": "big"}, Config=IN_PARTS)
    assert bucket.Object("copied").content_length == 12 * MIB


def test_odd_keys_through_every_listing(bucket: Any) -> None:
    client, name = bucket.meta.client, bucket.name
    for key in ODD_KEYS:
        bucket.put_object(Key=key, Body=key.encode())
        assert bucket.Object(key).get()["Body"].read() == key.encode()
    ordered = sorted(ODD_KEYS, key=str.encode)
    for operation in ("list_objects_v2", "list_objects"):
        pages = client.get_paginator(operation).paginate(Bucket=name, Prefix="o/", PaginationConfig={"PageSize": 4})
        assert [found["Key"] for page in pages for found in page["Contents"]] == ordered
    wanted = {"Prefix": "o/", "Delimiter": "/", "StartAfter": "o/a", "EncodingType": "url", "MaxKeys": 2}
    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket=name, **wanted))
    after = [key for key in ordered if key > "o/a"]
    folded = [key if "/" not in key[2:] else key[: key.index("/", 2) + 1] for key in after]
    shown = [
        *(found["Key"] for page in pages for found in page.get("Contents", [])),
        *(found["Prefix"] for page in pages for found in page.get("CommonPrefixes", [])),
    ]
    assert sorted(quote_plus(key, safe="/*") for key in set(folded)) == sorted(shown)
    told = client.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in ODD_KEYS]})
    assert {found["Key"] for found in told["Deleted"]} == set(ODD_KEYS)
