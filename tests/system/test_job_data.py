"""The data side of jobs through boto3: pipes, manifests, shuffling, checkpoints, outputs while a job runs."""

from __future__ import annotations

import gzip
import json
from typing import Any

from tests.server import Server, log_of, put, train

GROUP = "/aws/sagemaker/TrainingJobs"


def channel(name: str, uri: str, kind: str = "S3Prefix", attributes: list[str] | None = None, **more: Any) -> Any:
    source: dict[str, Any] = {"S3DataType": kind, "S3Uri": uri}
    if attributes:
        source["AttributeNames"] = attributes
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


PIPES = """
import os, struct
base = "/opt/ml/input/data"
print("listed", sorted(os.listdir(base)), flush=True)
for epoch in (0, 1):
    print("plain", epoch, open(f"{base}/plain_{epoch}", "rb").read())
raw = open(f"{base}/records_0", "rb").read()
found = []
while raw:
    magic, size = struct.unpack("<II", raw[:8])
    assert magic == 0xCED7230A
    found.append(raw[8 : 8 + size].decode())
    raw = raw[8 + size + -size % 4 :]
print("records", found)
first, second = (open(f"{base}/mixed_{epoch}").read() for epoch in (0, 1))
print("mixed", first != second, sorted(first) == sorted(second) == sorted("abcdefghijklmnopqrstuvwxyz"))
with open(f"{base}/plain_2", "rb") as early:
    early.read(1)
print("again", open(f"{base}/plain_3", "rb").read(), os.path.exists(f"{base}/plain_0"))
"""


def test_pipes_are_fed_epoch_by_epoch(server: Server) -> None:
    for number in range(2):
        put(server, "tests", f"pipes/plain/{number}", gzip.compress(b"%d;" % number))
    for letter in "abcdefghijklmnopqrstuvwxyz":
        put(server, "tests", f"pipes/mixed/{letter}", letter.encode())
    image = put(server, "tests", "pipes/images/1", b"12345")
    lines = [{"image-ref": image, "label": number} for number in (1, 0)]
    manifest = put(server, "tests", "pipes/m.jsonl", "\n".join(map(json.dumps, lines)).encode())
    job = train(
        server,
        "piped",
        PIPES,
        AlgorithmSpecification={
            "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
            "TrainingInputMode": "Pipe",
        },
        InputDataConfig=[
            channel("plain", "s3://tests/pipes/plain/", CompressionType="Gzip"),
            channel(
                "records", manifest, "AugmentedManifestFile", ["label", "image-ref"], RecordWrapperType="RecordIO"
            ),
            channel("mixed", "s3://tests/pipes/mixed/", ShuffleConfig={"Seed": 7}),
        ],
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = log_of(server, GROUP, "piped/")
    assert "listed ['mixed_0', 'plain_0', 'records_0']" in lines
    assert {"plain 0 b'0;1;'", "plain 1 b'0;1;'", "again b'0;1;' False", "mixed True True"} <= set(lines)
    assert "records ['1', '12345', '0', '12345']" in lines
