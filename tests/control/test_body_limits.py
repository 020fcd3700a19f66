"""Bodies that are larger than a service has use for: refused in its words, before anything of them is read.

The largest that S3's clients may send are not among them.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from clary.wire.facts import FACTS, MEBIBYTE
from tests.control.in_process import ENDPOINT, Answer, Control


def send(control: Control, service: str, body: bytes, path: str = "/", **headers: str) -> Answer:
    scope = f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{FACTS[service].signing_name}/aws4_request"
    signed = {"authorization": f"{scope}, SignedHeaders=host, Signature=0"}
    return control.send("POST", ENDPOINT + path, body, {**signed, **headers})


@pytest.mark.parametrize(("service", "most"), [("iam", 1), ("sts", 1), ("sns", 1), ("cloudwatch", 4), ("sqs", 6)])
def test_of_query_services(control: Control, service: str, most: int) -> None:
    refused = send(control, service, b"Action=" + b"%41" * (most * MEBIBYTE // 3))
    assert refused.status == 413
    assert b"<Code>RequestEntityTooLarge</Code>" in refused.body
    assert send(control, service, b"Action=A&x=" + b"1" * (most * MEBIBYTE - 11)).status != 413


def test_of_others(control: Control) -> None:
    def refused(service: str, path: str = "/", **headers: str) -> tuple[int, bytes]:
        answer = send(control, service, b"1" * (FACTS[service].most_body + 1), path, **headers)
        return answer.status, answer.body + answer.headers.get("x-amzn-errortype", "").encode()

    named = {"x-amz-target": "SageMaker.ListModels"}
    rest = {"scheduler": "/schedules/s", "lambda": "/2015-03-31/functions/f/aliases"}
    for status, said in (refused("sagemaker", **named), *(refused(*each) for each in rest.items())):
        assert (status, b"RequestEntityTooLargeException" in said) == (413, True), said
    status, said = refused("s3", "/bucket?delete")
    assert (status, b"<Code>MaxMessageLengthExceeded</Code>" in said) == (400, True)


def test_of_the_code_of_functions(control: Control) -> None:
    most = 70_167_211
    path = "/2015-03-31/functions"
    assert send(control, "lambda", b"1" * (most + 1), path).status == 413
    assert send(control, "lambda", b"1" * most, path).status != 413


def test_the_largest_lists_of_s3_are_taken(control: Control) -> None:
    s3 = control.client()
    s3.create_bucket(Bucket="crowd")
    keys = [f"{number:04}".ljust(1024, "&") for number in range(1000)]
    deleted = s3.delete_objects(Bucket="crowd", Delete={"Objects": [{"Key": key} for key in keys]})["Deleted"]
    assert [each["Key"] for each in deleted] == keys
    upload = s3.create_multipart_upload(Bucket="crowd", Key="k")["UploadId"]
    part = {"ETag": '"' + "0" * 32 + '"', "ChecksumSHA256": "0" * 43 + "="}
    parts = [{"PartNumber": number, **part} for number in range(1, 10_001)]
    with pytest.raises(ClientError, match="InvalidPart"):
        s3.complete_multipart_upload(Bucket="crowd", Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
