"""Versions: what is replaced or deleted stays, can be named, and comes back when what hides it goes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.services.s3.client import S3


@pytest.fixture
def kept(s3: S3) -> S3:
    switch(s3, "Enabled")
    return s3


def switch(s3: S3, status: str) -> None:
    s3("PutBucketVersioning", Bucket="bucket", VersioningConfiguration={"Status": status})


def shown(s3: S3, **request: Any) -> list[tuple[str, str, bool, bool]]:
    """(key, version, marker, latest) of everything, in the two lists of the answer."""
    page = s3("ListObjectVersions", Bucket="bucket", **request)
    return [
        (entry["Key"], entry["VersionId"], name == "DeleteMarkers", entry["IsLatest"])
        for name in ("Versions", "DeleteMarkers")
        for entry in page[name]
    ]


def delete(s3: S3, key: str, **request: Any) -> dict[str, Any]:
    return s3("DeleteObject", Bucket="bucket", Key=key, **request)


def test_a_bucket_without_versions_does_not_speak_of_them(s3: S3) -> None:
    assert s3("GetBucketVersioning", Bucket="bucket") == {}
    assert "VersionId" not in s3.put("key", b"a")
    assert "VersionId" not in s3.head("key")
    assert s3.read("key", VersionId="null") == b"a"
    assert shown(s3) == [("key", "null", False, True)]
    assert s3.fails("GetObject", "NoSuchVersion", Bucket="bucket", Key="key", VersionId="0" * 32).status == 404
    s3.fails("GetObject", "InvalidArgument", Bucket="bucket", Key="key", VersionId="../x")
    s3.fails("PutBucketVersioning", "MalformedXML", Bucket="bucket", VersioningConfiguration={"Status": "Sometimes"})


def test_versions_stay_and_can_be_named(kept: S3) -> None:
    kept.put("key", b"before")
    first, second = (kept.put("key", body)["VersionId"] for body in (b"one", b"two"))
    assert kept("GetBucketVersioning", Bucket="bucket") == {"Status": "Enabled"}
    assert (kept.read("key"), kept.read("key", VersionId=first), kept.head("key")["VersionId"]) == (
        b"two",
        b"one",
        second,
    )
    assert kept.head("key", VersionId=first)["ContentLength"] == 3
    assert len(kept.files()) == 3
    assert [entry["Key"] for entry in kept("ListObjectsV2", Bucket="bucket")["Contents"]] == ["key"]


def test_what_was_put_before_is_the_null_version(s3: S3) -> None:
    s3.put("key", b"old")
    switch(s3, "Enabled")
    new = s3.put("key", b"new")["VersionId"]
    assert s3.read("key", VersionId="null") == b"old"
    assert shown(s3) == [("key", new, False, True), ("key", "null", False, False)]


def test_a_delete_marker_hides_and_its_removal_restores(kept: S3) -> None:
    version = kept.put("key", b"a")["VersionId"]
    marker = delete(kept, "key")
    assert marker["DeleteMarker"]
    assert kept.fails("GetObject", "NoSuchKey", Bucket="bucket", Key="key").members["DeleteMarker"] == "true"
    hidden = kept.fails("HeadObject", "404", Bucket="bucket", Key="key")
    assert hidden.members["DeleteMarker"] == "true"
    named = {"Bucket": "bucket", "Key": "key", "VersionId": marker["VersionId"]}
    assert kept.fails("GetObject", "MethodNotAllowed", **named).status == 405
    assert kept("ListObjectsV2", Bucket="bucket")["KeyCount"] == 0
    assert shown(kept) == [("key", version, False, False), ("key", marker["VersionId"], True, True)]
    kept.fails("DeleteBucket", "BucketNotEmpty", Bucket="bucket")
    assert delete(kept, "key", VersionId=marker["VersionId"]) == marker
    assert kept.read("key") == b"a"
    assert shown(kept) == [("key", version, False, True)]


def test_removing_the_newest_version_brings_back_the_one_before(kept: S3) -> None:
    first, second, third = (kept.put("key", body)["VersionId"] for body in (b"1", b"2", b"3"))
    assert delete(kept, "key", VersionId=third) == {"VersionId": third}
    assert kept.read("key") == b"2"
    delete(kept, "key", VersionId=first)
    delete(kept, "key", VersionId=second)
    kept.fails("GetObject", "NoSuchKey", Bucket="bucket", Key="key")
    assert (shown(kept), kept.files()) == ([], [])
    assert delete(kept, "key", VersionId=first) == {"VersionId": first}  # gone already: no error
    kept("DeleteBucket", Bucket="bucket")


def test_while_suspended_the_null_version_is_replaced_and_others_stay(kept: S3) -> None:
    version = kept.put("key", b"kept")["VersionId"]
    switch(kept, "Suspended")
    for body in (b"n1", b"n2"):
        kept.put("key", body)
    assert (kept.read("key"), kept.read("key", VersionId=version)) == (b"n2", b"kept")
    assert shown(kept) == [("key", "null", False, True), ("key", version, False, False)]
    assert len(kept.files()) == 2
    assert delete(kept, "key") == {"DeleteMarker": True, "VersionId": "null"}
    assert shown(kept) == [("key", version, False, False), ("key", "null", True, True)]
    assert len(kept.files()) == 1
    kept.put("key", b"n3")  # takes the place of the null marker
    assert shown(kept) == [("key", "null", False, True), ("key", version, False, False)]


def test_listing_pages_by_key_and_version(kept: S3) -> None:
    for key in ("a", "b/x", "b/y", "c"):
        for body in (b"1", b"2", b"3"):
            kept.put(key, body)
    delete(kept, "b/x")
    everything = shown(kept)
    for size in (1, 2, 5):
        seen, marker = [], dict[str, Any]()
        while True:
            page = kept("ListObjectVersions", Bucket="bucket", MaxKeys=size, **marker)
            entries = [(entry["Key"], entry["VersionId"]) for entry in page["Versions"] + page["DeleteMarkers"]]
            latest = [entry["IsLatest"] for entry in page["Versions"] + page["DeleteMarkers"]]
            assert len(entries) <= size
            seen += list(zip(entries, latest, strict=True))
            if not page["IsTruncated"]:
                break
            marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        assert sorted(seen) == sorted(((key, version), latest) for key, version, _, latest in everything)
        assert all(first[0][0] <= second[0][0] for first, second in pairwise(seen))


def test_listing_folds_and_filters(kept: S3) -> None:
    for key in ("a", "b/x", "b/y", "c", "c"):
        kept.put(key, b"1")
    page = kept("ListObjectVersions", Bucket="bucket", Delimiter="/")
    assert [entry["Key"] for entry in page["Versions"]] == ["a", "c", "c"]
    assert page["CommonPrefixes"] == [{"Prefix": "b/"}]
    page = kept("ListObjectVersions", Bucket="bucket", Delimiter="/", MaxKeys=2)
    assert (page["NextKeyMarker"], page["IsTruncated"]) == ("b/", True)
    page = kept("ListObjectVersions", Bucket="bucket", Delimiter="/", KeyMarker="b/")
    assert ([entry["Key"] for entry in page["Versions"]], page["CommonPrefixes"]) == (["c", "c"], [])
    assert {key for key, *_ in shown(kept, Prefix="b/")} == {"b/x", "b/y"}
    kept.fails("ListObjectVersions", "InvalidArgument", Bucket="bucket", VersionIdMarker="null")


def test_a_page_goes_on_when_the_version_it_ended_with_is_gone(kept: S3) -> None:
    """As when a bucket is emptied page by page."""
    for _ in range(5):
        kept.put("key", b"x")
    rounds, marker = 0, dict[str, Any]()
    while True:
        page = kept("ListObjectVersions", Bucket="bucket", MaxKeys=2, **marker)
        objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in page["Versions"]]
        kept("DeleteObjects", Bucket="bucket", Delete={"Objects": objects, "Quiet": True})
        rounds += 1
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert (shown(kept), rounds, kept.files()) == ([], 3, [])


def test_many_deletions_answer_with_markers_and_versions(kept: S3) -> None:
    version = kept.put("a", b"1")["VersionId"]
    kept.put("b", b"1")
    objects = [{"Key": "b"}, {"Key": "a", "VersionId": version}, {"Key": "b"}]
    deleted = kept("DeleteObjects", Bucket="bucket", Delete={"Objects": objects})["Deleted"]
    assert deleted[1] == {"Key": "a", "VersionId": version}
    assert deleted[0]["DeleteMarker"]
    assert deleted[0]["DeleteMarkerVersionId"] != deleted[2]["DeleteMarkerVersionId"]
    assert len([entry for entry in shown(kept) if entry[2]]) == 2


def test_a_key_named_twice_is_removed_once(s3: S3) -> None:
    """Its bytes may belong to a copy as well."""
    s3.put("key", b"shared")
    s3("CopyObject", Bucket="bucket", Key="copy", CopySource="bucket/key")
    objects = [{"Key": "key"}, {"Key": "key", "VersionId": "null"}, {"Key": "key"}]
    s3("DeleteObjects", Bucket="bucket", Delete={"Objects": objects})
    assert s3.read("copy") == b"shared"


def test_copies_name_both_versions(kept: S3) -> None:
    first = kept.put("key", b"one")["VersionId"]
    kept.put("key", b"two")
    source = f"bucket/key?versionId={first}"
    answer = kept("CopyObject", Bucket="bucket", Key="key", CopySource=source)  # an old version made current again
    assert answer["CopySourceVersionId"] == first
    assert (kept.read("key"), kept.head("key")["VersionId"]) == (b"one", answer["VersionId"])
    assert len(kept.files()) == 2
    kept.fails("CopyObject", "NoSuchVersion", Bucket="bucket", Key="x", CopySource=f"bucket/key?versionId={'0' * 32}")


def test_tags_belong_to_one_version(kept: S3) -> None:
    first = kept.put("key", b"one", Tagging="n=1")["VersionId"]
    second = kept.put("key", b"two", Tagging="n=2")["VersionId"]
    named = {"Bucket": "bucket", "Key": "key", "VersionId": first}
    assert kept("PutObjectTagging", **named, Tagging={"TagSet": [{"Key": "n", "Value": "9"}]}) == {"VersionId": first}
    assert kept("GetObjectTagging", **named) == {"TagSet": [{"Key": "n", "Value": "9"}], "VersionId": first}
    current = kept("GetObjectTagging", Bucket="bucket", Key="key")
    assert current == {"TagSet": [{"Key": "n", "Value": "2"}], "VersionId": second}
    kept("DeleteObjectTagging", **named)
    assert kept("GetObjectTagging", **named)["TagSet"] == []


def test_uploads_in_parts_make_versions(kept: S3) -> None:
    kept.put("key", b"old")
    upload = kept("CreateMultipartUpload", Bucket="bucket", Key="key")["UploadId"]
    etag = kept.part(upload, 1, b"new")["ETag"]
    request = {"Bucket": "bucket", "Key": "key", "UploadId": upload}
    request["MultipartUpload"] = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    done = kept("CompleteMultipartUpload", **request)
    assert done["VersionId"] == kept.head("key")["VersionId"]
    assert kept("CompleteMultipartUpload", **request)["VersionId"] == done["VersionId"]
    assert len(shown(kept)) == 2


def test_conditions_look_at_what_is_current(kept: S3) -> None:
    etag = kept.put("key", b"a")["ETag"]
    delete(kept, "key")
    kept.put("key", b"b", IfNoneMatch="*")
    kept.put_fails("PreconditionFailed", "key", b"c", IfNoneMatch="*")
    kept.put_fails("PreconditionFailed", "key", b"c", IfMatch=etag)
    assert len(shown(kept)) == 3


def test_versions_have_permissions_of_their_own(kept: S3) -> None:
    version = kept.put("key", b"a")["VersionId"]
    kept.permissions.denied = ["s3:GetObjectVersion *", "s3:DeleteObjectVersion *"]
    assert kept.read("key") == b"a"
    kept.fails("GetObject", "AccessDeniedException", Bucket="bucket", Key="key", VersionId=version)
    kept.fails("DeleteObject", "AccessDeniedException", Bucket="bucket", Key="key", VersionId=version)
    assert delete(kept, "key")["DeleteMarker"]
