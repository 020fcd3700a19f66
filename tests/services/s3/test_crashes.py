"""kill -9 at every crash point and at random moments: old bytes or new bytes, never torn, and nothing leaks."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import select

from clary.store.contents import CONTENTS, EXTENTS, reclaim
from tests.services.s3.client import S3
from tests.services.s3.crashing import KEYS, body, open_client

POINTS = (
    "durable.before_adopt",
    "blobs.after_adopt",
    "store.before_commit",
    "store.after_commit",
    "objects.between_old_and_new",
    "contents.after_drop",
    "uploads.after_join",
    "blobs.before_delete",
    "s3.put.before_garbage",
    "s3.part.before_garbage",
    "s3.complete.before_garbage",
    "s3.abort.before_garbage",
    "s3.copy.before_garbage",
    "s3.delete.before_garbage",
)


def run(jobs: list[dict[str, Any]]) -> list[int]:
    """All jobs in forks of one fresh process; their wait statuses."""
    worker = subprocess.run(
        [sys.executable, "-m", "tests.services.s3.crashing"],
        input=json.dumps(jobs).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=150,
    )
    statuses: list[int] = json.loads(worker.stdout)
    return statuses


def prepare(folder: Path, count: int) -> list[Path]:
    """Data folders with one empty bucket each."""
    first = folder / "0"
    first.mkdir()
    client = open_client(first)
    client("CreateBucket", Bucket="bucket")
    client.context.database.close()
    folders = [first, *(folder / str(number) for number in range(1, count))]
    for other in folders[1:]:
        shutil.copytree(first, other)
    return folders


def allowed_states(folder: Path) -> dict[str, list[bytes | None]]:
    """What each key may be: what was acknowledged, or what was under way when the process died."""
    states: dict[str, list[bytes | None]] = {key: [None] for key in KEYS}
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


def test_killed_at_each_crash_point(tmp_path: Path) -> None:
    """Each point at an early and a later passage; commits, between which everything else lies, at many."""
    points = [f"{point}:{passage}" for point in POINTS for passage in (1, 3)]
    points += [f"store.before_commit:{passage}" for passage in range(7, 47, 6)]
    folders = prepare(tmp_path, len(points))
    statuses = run(
        [
            {"folder": str(folder), "point": point, "seed": number, "after": 0}
            for number, (folder, point) in enumerate(zip(folders, points, strict=True))
        ]
    )
    for folder, point, status in zip(folders, points, statuses, strict=True):
        assert status == signal.SIGKILL, f"{point} was never passed"
        check(folder)


def test_killed_at_any_moment(tmp_path: Path) -> None:
    folders = prepare(tmp_path, 5)
    jobs = [
        {"folder": str(folder), "point": "", "seed": number, "after": 0.02 + 0.06 * number}
        for number, folder in enumerate(folders)
    ]
    for folder, status in zip(folders, run(jobs), strict=True):
        assert status in (signal.SIGKILL, 0)
        check(folder)
