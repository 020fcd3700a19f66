"""One Clary that keeps the objects of its jobs and endpoints in the S3 of another."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.server import Server, deploy, eventually, invoke, log_of, running_server, train

SCRIPT = """
import os, shutil
import boto3
from boto3.s3.transfer import TransferConfig

source = os.path.join(os.environ["SM_CHANNEL_TRAIN"], "name.txt")
shutil.copy(source, os.environ["SM_MODEL_DIR"])
s3 = boto3.client("s3")
print("read", s3.get_object(Bucket="tests", Key="far/data/name.txt")["Body"].read().decode())
open("/tmp/large", "wb").write(os.urandom(1 << 20) * 12)
s3.upload_file("/tmp/large", "tests", "far/made/large", Config=TransferConfig(multipart_chunksize=5 << 20))
s3.download_file("tests", "far/made/large", "/tmp/again")
print("same", open("/tmp/large", "rb").read() == open("/tmp/again", "rb").read())
s3.copy_object(Bucket="tests", Key="far/made/a copy", CopySource={"Bucket": "tests", "Key": "far/data/name.txt"})
print("listed", [item["Key"] for item in s3.list_objects_v2(Bucket="tests", Prefix="far/made/")["Contents"]])
s3.delete_object(Bucket="tests", Key="far/made/a copy")
for bucket, key in (("tests", "secret"), ("tests", "far/made/a copy")):
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        print("answer", key, error.response["Error"]["Code"])
"""
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


def role_of(near: Server) -> str:
    """May do everything below far/ and output/, and list the bucket."""
    iam = near.client("iam")
    role = iam.create_role(RoleName="Near", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))["Role"]
    places = [f"arn:aws:s3:::tests/{place}/*" for place in ("far", "output")]
    statements = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": places},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::tests"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="Near", PolicyName="p", PolicyDocument=policy)
    return str(role["Arn"])


def test_train_deploy_and_invoke_with_objects_elsewhere(server: Server, tmp_path: Path) -> None:
    keys = {
        "CLARY_S3_ENDPOINT_URL": server.url,
        "CLARY_S3_ACCESS_KEY_ID": server.installation.access_key_id,
        "CLARY_S3_SECRET_ACCESS_KEY": server.installation.secret_access_key,
    }
    far = server.client("s3")
    far.create_bucket(Bucket="tests")
    far.put_object(Bucket="tests", Key="far/data/name.txt", Body=b"from afar")
    far.put_object(Bucket="tests", Key="secret", Body=b"not for the job")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://tests/far/data"}}
    channel = [{"ChannelName": "train", "DataSource": source}]
    with running_server(tmp_path, **keys) as near:
        job = train(near, "far", SCRIPT, InputDataConfig=channel, RoleArn=role_of(near))
        lines = log_of(near, "/aws/sagemaker/TrainingJobs", "far/")
        assert job["TrainingJobStatus"] == "Completed", [job.get("FailureReason"), lines]
        body = far.get_object(Bucket="tests", Key="output/far/output/model.tar.gz")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as model:
            member = model.extractfile("name.txt") or model.extractfile("./name.txt")
            assert member is not None
            assert member.read() == b"from afar"
        assert [line for line in lines if line.startswith(("read", "same", "listed", "answer"))] == [
            "read from afar",
            "same True",
            "listed ['far/made/a copy', 'far/made/large']",
            "answer secret 403",
            "answer far/made/a copy 404",
        ]
        assert far.head_object(Bucket="tests", Key="far/made/large")["ContentLength"] == 12 << 20
        assert deploy(near, "far")["EndpointStatus"] == "InService"
        assert invoke(near, "far", "x").startswith("far:")
        missing = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://there-is-none/x"}}
        lost = train(near, "lost", SCRIPT, InputDataConfig=[{"ChannelName": "train", "DataSource": missing}])
        assert (lost["TrainingJobStatus"], "NoSuchBucket" in lost["FailureReason"]) == ("Failed", True)
        _check_door(near, server)
        eventually(lambda: not any(path.is_file() for path in near.settings.layout.blobs.rglob("*")))


def _check_door(near: Server, server: Server) -> None:
    """What clients of this Clary's S3 see: the other's buckets, errors and headers, in pieces and by link."""
    s3 = near.client("s3")
    assert "tests" in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    s3.put_object(Bucket="tests", Key="far/ä b", Body=b"0123456789", Metadata={"who": "me"}, ContentType="x/y")
    got = s3.get_object(Bucket="tests", Key="far/ä b", Range="bytes=2-4")
    assert (got["Body"].read(), got["ContentRange"], got["ContentType"]) == (b"234", "bytes 2-4/10", "x/y")
    assert got["Metadata"] == {"who": "me"}
    etag = server.client("s3").head_object(Bucket="tests", Key="far/ä b")["ETag"]
    with pytest.raises(ClientError) as unchanged:
        s3.get_object(Bucket="tests", Key="far/ä b", IfNoneMatch=etag)
    assert unchanged.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="tests", Key="far/none")
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.get_bucket_policy(Bucket="tests")
    gone = s3.delete_objects(Bucket="tests", Delete={"Objects": [{"Key": "far/ä b"}, {"Key": "far/none"}]})
    assert {item["Key"] for item in gone["Deleted"]} == {"far/ä b", "far/none"}
