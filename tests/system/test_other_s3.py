"""One Clary that keeps the objects of its jobs and endpoints in the S3 of another."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

from tests.server import Server, deploy, invoke, running_server, train

SCRIPT = """
import os, shutil
source = os.path.join(os.environ["SM_CHANNEL_TRAIN"], "name.txt")
shutil.copy(source, os.environ["SM_MODEL_DIR"])
"""


def test_train_deploy_and_invoke_with_objects_elsewhere(server: Server, tmp_path: Path) -> None:
    keys = {
        "CLARY_S3_ENDPOINT_URL": server.url,
        "CLARY_S3_ACCESS_KEY_ID": server.installation.access_key_id,
        "CLARY_S3_SECRET_ACCESS_KEY": server.installation.secret_access_key,
    }
    s3 = server.client("s3")
    s3.create_bucket(Bucket="tests")
    s3.put_object(Bucket="tests", Key="far/data/name.txt", Body=b"from afar")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://tests/far/data"}}
    with running_server(tmp_path, **keys) as near:
        own = near.client("s3")
        at_home = near.client

        def client(service: str, **changes: Any) -> Any:
            return s3 if service == "s3" else at_home(service, **changes)

        near.client = client  # type: ignore[method-assign]  # who uses this Clary uses the other's S3
        job = train(near, "far", SCRIPT, InputDataConfig=[{"ChannelName": "train", "DataSource": source}])
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        body = s3.get_object(Bucket="tests", Key="output/far/output/model.tar.gz")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as model:
            member = model.extractfile("name.txt") or model.extractfile("./name.txt")
            assert member is not None
            assert member.read() == b"from afar"
        assert deploy(near, "far")["EndpointStatus"] == "InService"
        assert invoke(near, "far", "x").startswith("far:")
        missing = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://there-is-none/x"}}
        lost = train(near, "lost", SCRIPT, InputDataConfig=[{"ChannelName": "train", "DataSource": missing}])
        assert (lost["TrainingJobStatus"], "NoSuchBucket" in lost["FailureReason"]) == ("Failed", True)
        assert own.list_buckets()["Buckets"] == []
