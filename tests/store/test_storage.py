"""Objects of jobs in another S3: what is asked of it, and its refusals in the words of the store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.base.errors import ApiError
from clary.base.settings import Settings
from clary.store.blobs import Blobs
from clary.store.buckets import BucketNotFound
from clary.store.database import Database
from clary.store.objects import ObjectNotFound
from clary.store.storage import OtherStorage, OwnStorage, storage_of
from clary.wire import s3_client
from clary.wire.s3_client import S3Client
from tests.control.in_process import ENDPOINT, HOME, OTHER, Control, control_in

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    with control_in(tmp_path_factory.mktemp("other")) as control:
        control.client().create_bucket(Bucket="far")
        yield control


def client(other: Control, key: str = f"AKIA{HOME}ROOT", secret: str = "secret") -> S3Client:
    found = S3Client(ENDPOINT, "us-east-1", key, secret)
    other.attach(found._client)
    return found


@pytest.fixture
def storage(other: Control) -> OtherStorage:
    return OtherStorage(client(other))


def test_there_and_back(storage: OtherStorage, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"12345")
    for key in ("in/b ü+", "in/a", "out/c"):
        storage.store("", "far", key, tmp_path / "source", NOW)
    assert [(key, size) for key, size, _ in storage.list("", "far", "in/")] == [("in/a", 5), ("in/b ü+", 5)]
    assert storage.size("", "far", "in/a") == 5
    storage.fetch("", "far", "in/b ü+", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"12345"
    with pytest.raises(FileExistsError):
        storage.fetch("", "far", "in/a", tmp_path / "target")


def test_large_files_go_in_parts(
    storage: OtherStorage, other: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "_PART", 5 * 1024 * 1024)
    (tmp_path / "source").write_bytes(os.urandom(5 * 1024 * 1024 + 7))
    storage.store("", "far", "large", tmp_path / "source", NOW)
    head = other.client().head_object(Bucket="far", Key="large")
    assert (head["ContentLength"], head["ETag"].endswith('-2"')) == (5 * 1024 * 1024 + 7, True)
    monkeypatch.setattr(S3Client, "_call", refuse_parts(S3Client._call))
    with pytest.raises(ApiError):
        storage.store("", "far", "larger", tmp_path / "source", NOW)
    assert "Uploads" not in other.client().list_multipart_uploads(Bucket="far")


def refuse_parts(call: Any) -> Any:
    def refusing(self: S3Client, operation: str, **request: Any) -> Any:
        if operation == "upload_part" and request["PartNumber"] == 2:
            raise ApiError("Slow down", code="SlowDown", status=503)
        return call(self, operation, **request)

    return refusing


def test_refusals(storage: OtherStorage, other: Control, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ObjectNotFound):
        storage.fetch("", "far", "missing", tmp_path / "target")
    with pytest.raises(ObjectNotFound):
        storage.size("", "far", "missing")
    with pytest.raises(BucketNotFound):
        list(storage.list("", "missing", ""))
    for key, secret in ((f"AKIA{OTHER}ROOT", "secret"), (f"AKIA{HOME}ROOT", "wrong"), ("AKIANOBODY", "secret")):
        with pytest.raises(ApiError, match="CLARY_S3_ACCESS_KEY_ID") as caught:
            list(OtherStorage(client(other, key, secret)).list("", "far", ""))
        assert (caught.value.code, caught.value.status) == ("ServiceUnavailable", 503)
        with pytest.raises(ApiError, match="CLARY_S3_ACCESS_KEY_ID"):
            OtherStorage(client(other, key, secret)).size("", "far", "in/a")
        assert caplog.messages[-1] == "the other S3 refuses this installation's key"
    assert not (tmp_path / "target").exists()
    (tmp_path / "link").symlink_to(tmp_path / "source")
    with pytest.raises(OSError, match="symbolic links"):
        storage.store("", "far", "link", tmp_path / "link", NOW)


def test_keys_that_the_other_store_does_not_let_this_installation_delete(other: Control) -> None:
    anything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    kept = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*/kept"}
    other.add_user(HOME, "CLARY", {"Statement": [anything, kept]})
    wanted = {"Objects": [{"Key": "kept"}, {"Key": "free"}]}
    answer = OtherStorage(client(other, "AKIACLARY")).perform("DeleteObjects", {"Bucket": "far", "Delete": wanted})
    assert [item["Key"] for item in answer["Deleted"]] == ["free"]
    (error,) = answer["Errors"]
    assert (error["Key"], error["Code"]) == ("kept", "ServiceUnavailable")
    assert "CLARY_S3_ACCESS_KEY_ID" in error["Message"]


def test_what_else_comes_with_403_is_told_as_it_is(other: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    def archived(**_request: Any) -> Any:
        told = {"Code": "InvalidObjectState", "Message": "archived"}
        raise ClientError({"Error": told, "ResponseMetadata": {"HTTPStatusCode": 403}}, "GetObject")

    s3 = client(other)
    monkeypatch.setattr(s3._client, "get_object", archived)
    with pytest.raises(ApiError, match="archived") as caught:
        s3.perform("GetObject", {"Bucket": "far", "Key": "a"})
    assert (caught.value.code, caught.value.status) == ("InvalidObjectState", 403)


def test_nobody_there_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ApiError) as caught:
        list(OtherStorage(S3Client("http://127.0.0.1:9", "us-east-1", "k", "s")).list("", "far", ""))
    assert (caught.value.code, caught.value.status) == ("ServiceUnavailable", 503)


def test_one_setting_decides(tmp_path: Path) -> None:
    database = Database(tmp_path / "clary.db")
    blobs = Blobs(tmp_path / "blobs")
    assert isinstance(storage_of(Settings(), database, blobs), OwnStorage)
    settings = Settings(s3_endpoint_url="http://127.0.0.1:9", s3_access_key_id="k", s3_secret_access_key="hidden")
    assert isinstance(storage_of(settings, database, blobs), OtherStorage)
    assert storage_of(settings, database, blobs) is storage_of(settings, database, blobs)
    assert "hidden" not in repr(settings)
    database.close()
