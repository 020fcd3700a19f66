"""Listings against a simple model, their words on the wire, and the plan of their queries."""

from __future__ import annotations

from itertools import count
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from clary.store import buckets, listing
from clary.store.database import Database
from clary.store.objects import OBJECTS
from tests.services.calling import NOW
from tests.services.s3.client import S3

KEYS = st.text(st.sampled_from("ab/-\0é€😀%"), min_size=1, max_size=6)
NUMBERS = count()


def model(keys: set[str], prefix: str, delimiter: str, after: str) -> list[str]:
    """What S3 lists, in the simplest words: keys and folded prefixes in the order of UTF-8 bytes."""
    found: dict[str, None] = {}
    for key in sorted(keys, key=str.encode):
        if key.encode() > after.encode() and key.startswith(prefix):
            rest = key[len(prefix) :]
            cut = rest.find(delimiter) if delimiter else -1
            found[key if cut < 0 else key[: len(prefix) + cut + len(delimiter)]] = None
    return sorted(found, key=str.encode)


def entries(page: dict[str, Any]) -> list[str]:
    names = [entry["Key"] for entry in page["Contents"]] + [entry["Prefix"] for entry in page["CommonPrefixes"]]
    return sorted(names, key=str.encode)


def fill(s3: S3, keys: set[str]) -> str:
    """A fresh bucket with these keys."""
    name = f"bucket-{next(NUMBERS)}"
    s3("CreateBucket", Bucket=name)
    with s3.context.database.write() as tx:
        bucket = buckets.get(tx, s3.context.account, name)
        rows = [
            {
                "bucket_id": bucket.id,
                "key": key,
                "size": 0,
                "etag": "0" * 32,
                "modified_at": NOW,
                "storage_class": "STANDARD",
                "checksum": "",
                "document": {},
            }
            for key in keys
        ]
        if rows:
            tx.execute(insert(OBJECTS), rows)
    return name


OPTIONS = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture], "max_examples": 150}


@settings(**OPTIONS)
@given(
    keys=st.sets(KEYS, max_size=25),
    prefix=st.text(st.sampled_from("ab/é"), max_size=2),
    delimiter=st.sampled_from(["", "/", "-", "a/", "€", "😀", "\0"]),
    after=st.text(st.sampled_from("ab/é"), max_size=3),
    size=st.integers(1, 7),
)
@example(keys={"a/", "a//", "a", "a0"}, prefix="a/", delimiter="/", after="", size=1)
def test_pages_joined_are_the_model(
    s3: S3, keys: set[str], prefix: str, delimiter: str, after: str, size: int
) -> None:
    bucket = fill(s3, keys)
    request = {"Bucket": bucket, "Prefix": prefix, "Delimiter": delimiter, "MaxKeys": size}
    if after:
        request["StartAfter"] = after
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = s3("ListObjectsV2", **request, **token)
        assert page["KeyCount"] == len(entries(page)) <= size
        found += entries(page)
        if not page["IsTruncated"]:
            assert "NextContinuationToken" not in page
            break
        assert page["KeyCount"] == size
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert found == model(keys, prefix, delimiter, after)


@settings(**OPTIONS)
@given(
    keys=st.sets(KEYS, max_size=25),
    prefix=st.text(st.sampled_from("ab/é"), max_size=2),
    delimiter=st.sampled_from(["", "/", "-"]),
    size=st.integers(1, 7),
)
def test_the_older_listing_goes_on_as_its_clients_do(
    s3: S3, keys: set[str], prefix: str, delimiter: str, size: int
) -> None:
    bucket = fill(s3, keys)
    found: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = s3("ListObjects", Bucket=bucket, Prefix=prefix, Delimiter=delimiter, MaxKeys=size, **marker)
        found += entries(page)
        assert ("NextMarker" in page) == (page["IsTruncated"] and bool(delimiter))
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page.get("NextMarker") or page["Contents"][-1]["Key"]}
    assert found == model(keys, prefix, delimiter, "")


def test_an_insert_or_delete_between_pages_neither_loses_nor_repeats_the_others(s3: S3) -> None:
    bucket = fill(s3, {f"k{number}" for number in range(6)})
    first = s3("ListObjectsV2", Bucket=bucket, MaxKeys=3)
    s3("DeleteObject", Bucket=bucket, Key="k2")
    s3.put("k20", Bucket=bucket)
    s3.put("a", Bucket=bucket)
    second = s3("ListObjectsV2", Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert entries(first) + entries(second) == ["k0", "k1", "k2", "k20", "k3", "k4", "k5"]


def test_sizes_of_pages(s3: S3) -> None:
    bucket = fill(s3, {f"{number:04}" for number in range(1003)})
    empty = s3("ListObjectsV2", Bucket=bucket, MaxKeys=0)
    assert (empty["KeyCount"], empty["IsTruncated"]) == (0, False)
    full = s3("ListObjectsV2", Bucket=bucket, MaxKeys=5000)
    assert (full["KeyCount"], full["MaxKeys"], full["IsTruncated"]) == (1000, 1000, True)
    s3.fails("ListObjectsV2", "InvalidArgument", Bucket=bucket, MaxKeys=-1)


def test_tokens_of_other_lists_and_invented_ones_are_refused(s3: S3) -> None:
    bucket = fill(s3, {"a", "b", "c"})
    token = s3("ListObjectsV2", Bucket=bucket, MaxKeys=1)["NextContinuationToken"]
    s3.fails("ListObjectsV2", "InvalidArgument", Bucket="bucket", ContinuationToken=token)
    s3.fails("ListObjectsV2", "InvalidArgument", Bucket=bucket, Prefix="a", ContinuationToken=token)
    for bad in ("", "x", token[:-1], token + "A", "é"):
        s3.fails("ListObjectsV2", "InvalidArgument", Bucket=bucket, ContinuationToken=bad)


def test_url_encoding_carries_every_key(s3: S3) -> None:
    keys = {"a b+c%/\x01\n<&>é", "a b/\x02"}
    bucket = fill(s3, keys)
    request = {"Bucket": bucket, "EncodingType": "url", "Prefix": "a b", "MaxKeys": 10}
    page = s3("ListObjectsV2", **request, StartAfter=" ")
    assert {unquote_plus(key) for key in entries(page)} == keys
    assert all(key.isascii() and key.isprintable() and " " not in key for key in entries(page))
    assert unquote_plus(page["Prefix"]) == "a b"
    assert unquote_plus(page["StartAfter"]) == " "
    folded = s3("ListObjects", **request, Delimiter="%/")
    assert [unquote_plus(entry["Prefix"]) for entry in folded["CommonPrefixes"]] == ["a b+c%/"]
    s3.fails("ListObjectsV2", "InvalidArgument", Bucket=bucket, EncodingType="base64")


def test_owners_are_shown_when_asked_for(s3: S3) -> None:
    s3.put("key")
    assert "Owner" not in s3("ListObjectsV2", Bucket="bucket")["Contents"][0]
    assert "Owner" in s3("ListObjectsV2", Bucket="bucket", FetchOwner=True)["Contents"][0]
    assert "Owner" in s3("ListObjects", Bucket="bucket")["Contents"][0]


def test_policies_see_the_prefix_of_a_listing(s3: S3) -> None:
    s3("ListObjectsV2", Bucket="bucket", Prefix="home/me/", Delimiter="/")
    keys = {"s3:prefix": "home/me/", "s3:delimiter": "/"}
    action, resource, asked = s3.permissions.asked[-1]
    assert (action, resource) == ("s3:ListBucket", "arn:aws:s3:::bucket")
    assert asked.items() >= keys.items()
    s3.permissions.denied.append("s3:ListBucket *")
    s3.fails("ListObjectsV2", "AccessDeniedException", Bucket="bucket")
    s3.fails("ListObjects", "AccessDeniedException", Bucket="bucket")


@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("prefix", ["", "logs/"])
def test_the_index_answers_listings(database: Database, delimiter: str, prefix: str) -> None:
    """Every step must be a search by bucket and key in the index: a scan would cost as much as the bucket."""
    with database.write() as tx:
        bucket = buckets.create(tx, account="1", region="r", name="bucket", now=NOW)
        statement = listing.page_statement(bucket, prefix=prefix, delimiter=delimiter, start=b"a", limit=1000)
        compiled = statement.compile(dialect=tx.connection.dialect)
        values = [0] * len(compiled.positiontup or ())
        plan = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(values)).all()
    steps = [row[3] for row in plan]
    objects_steps = [step for step in steps if "objects" in step]
    assert objects_steps
    assert all("SEARCH objects USING" in step and "(bucket_id=? AND key" in step for step in objects_steps), steps
    if not delimiter:
        assert steps == objects_steps


def test_a_folder_listing_of_many_keys_touches_few_of_them(s3: S3) -> None:
    """Counted in steps of SQLite's machine: ten times as many keys in a folder must not cost more."""

    def steps(bucket: str) -> int:
        ticks = 0

        def tick() -> int:
            nonlocal ticks
            ticks += 1
            return 0

        with s3.context.database.read() as tx:
            found = buckets.get(tx, s3.context.account, bucket)
            driver: Any = tx.connection.connection.driver_connection
            driver.set_progress_handler(tick, 10)
            try:
                page = listing.page(tx, found, delimiter="/", limit=1000)
            finally:
                driver.set_progress_handler(None, 0)
        assert len(page) == 10
        return ticks

    small = fill(s3, {f"f{folder}/{number}" for folder in range(10) for number in range(20)})
    large = fill(s3, {f"f{folder}/{number}" for folder in range(10) for number in range(2000)})
    assert steps(large) <= 2 * steps(small)
