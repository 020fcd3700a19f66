"""kill -9 at every crash point and at random moments: old bytes or new bytes, never torn, and nothing leaks."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import select

from clary.store.contents import CONTENTS, EXTENTS, reclaim
from tests.services.s3.client import S3
from tests.services.s3.crashing import FIRST, LARGE, LAST, body, open_client

POINTS = {
    "durable.before_adopt": "put",
    "blobs.after_adopt": "put",
    "store.after_commit": "put",
    "objects.between_old_and_new": "put",
    "contents.after_drop": "put",
    "blobs.before_delete": "put",
    "s3.put.before_garbage": "put",
    "s3.part.before_garbage": "complete",
    "uploads.after_join": "complete",
    "s3.complete.before_garbage": "complete",
    "s3.abort.before_garbage": "abort",
    "s3.copy.before_garbage": "copy",
    "s3.delete.before_garbage": "delete",
}
"""Crash points and an operation that passes them."""
BEFORE_COMMIT = ("store.before_commit",)
"""It has a test of its own."""


def run(jobs: list[dict[str, Any]]) -> list[int]:
    """All jobs in forks of one fresh process; their wait statuses."""
    worker = subprocess.run(
        [sys.executable, "-m", "tests.services.s3.crashing"],
        input=json.dumps(jobs).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=500,
    )
    statuses: list[int] = json.loads(worker.stdout)
    return statuses


def prepare(folder: Path, count: int) -> list[Path]:
    """Data folders with the same bucket of objects each."""
    first = folder / "0"
    first.mkdir()
    client = open_client(first)
    client("CreateBucket", Bucket="bucket")
    for key, (step,) in FIRST.items():
        client.put(key, body(step))
    client.context.database.close()
    folders = [first, *(folder / str(number) for number in range(1, count))]
    for other in folders[1:]:
        shutil.copytree(first, other)
    return folders


def allowed_states(folder: Path) -> dict[str, list[bytes | None]]:
    """What each key may be: what was acknowledged, or what was under way when the process died."""
    states: dict[str, list[bytes | None]] = {key: [body(step)] for key, (step,) in FIRST.items()}
    key = ""
    notes = folder / "notes"
    for line in notes.read_text().splitlines() if notes.exists() else []:
        note = json.loads(line)
        if note == "done":
            states[key] = states[key][-1:]
        else:
            key, content = note["key"], note["content"]
            states[key].append(None if content is None else b"".join(body(step) for step in content))
    return states


def check(folder: Path) -> None:
    """Start again on what is left, as control does."""
    s3 = open_client(folder)
    try:
        reclaim(s3.context.database, s3.context.blobs, older_than=0)
        for key, allowed in allowed_states(folder).items():
            assert read(s3, key) in allowed
        for upload in s3("ListMultipartUploads", Bucket="bucket")["Uploads"]:
            s3("AbortMultipartUpload", Bucket="bucket", Key=upload["Key"], UploadId=upload["UploadId"])
        assert {path.name for path in s3.files()} == named_blobs(s3)
        assert reclaim(s3.context.database, s3.context.blobs, older_than=0) == 0
    finally:
        s3.context.database.close()


def read(s3: S3, key: str) -> bytes | None:
    """The object's bytes, which must be those of its ETag."""
    if key not in {entry["Key"] for entry in s3("ListObjectsV2", Bucket="bucket")["Contents"]}:
        return None
    answer = s3.get(key)
    with answer["Body"] as reader:
        data = b"".join(iter(lambda: reader.read(1 << 16), b""))
    etag = answer["ETag"].strip('"')
    if "-" not in etag:
        assert hashlib.md5(data).hexdigest() == etag
    return data


def named_blobs(s3: S3) -> set[str]:
    """Blobs of living contents; every content must be in use and whole."""
    with s3.context.database.read() as tx:
        used = {row.id for row in tx.execute(select(CONTENTS.c.id))}
        rows = tx.execute(select(EXTENTS.c.content, EXTENTS.c.blob)).all()
    assert {row.content for row in rows} == used
    return {row.blob for row in rows}


def check_all(tmp_path: Path, jobs: list[dict[str, Any]]) -> None:
    folders = prepare(tmp_path, len(jobs))
    statuses = run([{**job, "folder": str(folder)} for job, folder in zip(jobs, folders, strict=True)])
    for folder, job, status in zip(folders, jobs, statuses, strict=True):
        assert status == signal.SIGKILL or (job["after"] and status == 0), f"{job} was never passed"
        check(folder)


def test_killed_at_each_crash_point(tmp_path: Path) -> None:
    check_all(tmp_path, [{"point": point, "seed": 1, "after": 0, "first": first} for point, first in POINTS.items()])


def test_killed_before_each_commit_of_each_operation(tmp_path: Path) -> None:
    """What was acknowledged before must still be there whole. An upload commits when it starts and for each part."""
    commits = {"put": 1, "copy": 1, "delete": 1, "complete": 6, "abort": 6}
    jobs = [
        {"point": f"{point}:{passage}", "seed": 1, "after": 0, "first": name}
        for name, last in commits.items()
        for passage in range(1, last + 1)
        for point in BEFORE_COMMIT
    ]
    check_all(tmp_path, jobs)


DURING_PUT = (*BEFORE_COMMIT, *(point for point, operation in POINTS.items() if operation == "put"))


def test_killed_at_any_byte_of_50_puts(tmp_path: Path) -> None:
    """One after the other on the same three keys: inside the body, on the way, or just after the answer."""
    chance = random.Random(20260801)
    (folder,) = prepare(tmp_path, 1)
    jobs = []
    for step in range(LARGE, LAST + 1):
        share = chance.random() if step % 2 else 1.0
        point = chance.choice([*DURING_PUT, ""]) if share == 1.0 else ""
        jobs.append({"folder": str(folder), "seed": step, "after": 0, "point": point, "share": share})
    assert run(jobs) == [signal.SIGKILL] * 50
    acknowledged = (folder / "notes").read_text().count("done")
    assert 0 < acknowledged < 25
    check(folder)


def test_killed_at_any_moment(tmp_path: Path) -> None:
    check_all(tmp_path, [{"point": "", "seed": n, "after": 0.02 + 0.06 * n, "first": ""} for n in range(5)])
