"""A process that works on objects until it is killed. Run as a program by test_crashes.

It is given jobs as JSON: a prepared data folder each, and a crash point or a number of seconds. Every job runs in a
fork that writes down what it is about to do and what has been acknowledged; both notes survive the kill.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from clary.access.principals import Principal
from clary.base import crash
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.services.context import Context
from clary.services.s3 import multipart
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.wire.paging import Pager
from tests.services.calling import ACCOUNT, NOW, Permissions
from tests.services.s3.client import S3, spool

KEYS = ("alpha", "beta", "gamma")
FIRST: dict[str, list[int]] = {key: [number] for number, key in enumerate(KEYS)}
"""Which step has written each key before the work begins, so that every step has something to lose."""
STEPS = 50


LARGE = 1000
"""Steps from here on write between five bytes and some megabytes; the last one of these 64 MiB."""
LAST = LARGE + 49


def body(step: int) -> bytes:
    """What step writes: some bytes or some hundred thousand."""
    if step < LARGE:
        return f"{step} ".encode() * (1 if step % 3 else 20_000)
    return f"{step} ".encode() * (13_421_773 if step == LAST else 1 << (step * 7) % 20)


def open_client(folder: Path) -> S3:
    permissions = Permissions()
    database = Database(folder / "clary.db")
    context = Context(
        account=ACCOUNT,
        region="us-east-1",
        principal=Principal(arn=f"arn:aws:iam::{ACCOUNT}:root", account=ACCOUNT, kind="root", principal_id=ACCOUNT),
        request_id="",
        now=NOW,
        database=database,
        blobs=Blobs(folder / "blobs"),
        installation=Installation(ACCOUNT, "us-east-1", "", "", ""),
        settings=Settings(data=folder),
        pager=Pager(b""),
        authorize=permissions,
    )
    return S3(context, permissions)


class Work:
    """Random steps, the same for the same seed. `state` says which step wrote a key (its body), or None."""

    def __init__(self, folder: Path, seed: int) -> None:
        multipart.SMALLEST_PART = 1
        self.s3 = open_client(folder)
        self.notes = os.open(folder / "notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.random = random.Random(seed)
        self.state: dict[str, list[int] | None] = dict(FIRST)

    def run(self, first: str) -> None:
        """Random steps, but the first one is of the kind that was asked for."""
        steps = {name: getattr(self, name) for name in ("put", "complete", "copy", "delete", "abort")}
        for step in range(len(FIRST), STEPS):
            name = self.random.choice([*steps, "put"])
            steps[first or name](step, self.random.choice(KEYS))
            first = ""

    def put(self, step: int, key: str) -> None:
        with_note = self.note(step, key, [step])
        self.s3.put(key, body(step))
        with_note()

    def put_until(self, step: int, share: float) -> None:
        """A body that comes in, of which only this share arrives; then the process dies. After all, it goes on."""
        content = body(step)
        arrived = int(len(content) * share)
        self.note(step, KEYS[step % len(KEYS)], [step])
        if arrived < len(content):
            self.s3.context.blobs.new_incoming_path().write_bytes(content[:arrived])
            os.kill(os.getpid(), signal.SIGKILL)
        self.s3.put(KEYS[step % len(KEYS)], content)
        os.write(self.notes, b'"done"\n')
        os.kill(os.getpid(), signal.SIGKILL)

    def copy(self, step: int, key: str) -> None:
        source = self.random.choice(KEYS)
        if source == key or self.state[source] is None:
            return self.put(step, key)
        with_note = self.note(step, key, self.state[source])
        self.s3("CopyObject", Bucket="bucket", Key=key, CopySource=f"bucket/{source}")
        return with_note()

    def delete(self, step: int, key: str) -> None:
        with_note = self.note(step, key, None)
        if step % 2:
            self.s3("DeleteObject", Bucket="bucket", Key=key)
        else:
            self.s3("DeleteObjects", Bucket="bucket", Delete={"Objects": [{"Key": key}]})
        with_note()

    def complete(self, step: int, key: str) -> None:
        upload, parts, content = self.upload(step, key)
        with_note = self.note(step, key, content)
        request: dict[str, Any] = {"Bucket": "bucket", "Key": key, "UploadId": upload}
        self.s3("CompleteMultipartUpload", **request, MultipartUpload={"Parts": parts})
        with_note()

    def abort(self, step: int, key: str) -> None:
        upload, _, _ = self.upload(step, key)
        self.s3("AbortMultipartUpload", Bucket="bucket", Key=key, UploadId=upload)

    def upload(self, step: int, key: str) -> tuple[str, list[dict[str, Any]], list[int]]:
        """Three parts: one sent twice, one never used, and a copy of an object where there is one."""
        upload = self.s3("CreateMultipartUpload", Bucket="bucket", Key=key)["UploadId"]
        request = {"Bucket": "bucket", "Key": key, "UploadId": upload}
        for content in (b"replaced", body(step)):
            part = self.s3("UploadPart", **request, PartNumber=1, Body=spool(self.s3.context.blobs, content))
        self.s3("UploadPart", **request, PartNumber=2, Body=spool(self.s3.context.blobs, b"unused"))
        parts, written = [{"PartNumber": 1, "ETag": part["ETag"]}], [step]
        source = self.random.choice(KEYS)
        state = self.state[source]
        if state is not None:
            copied = self.s3("UploadPartCopy", **request, PartNumber=3, CopySource=f"bucket/{source}")
            parts.append({"PartNumber": 3, "ETag": copied["CopyPartResult"]["ETag"]})
            written += state
        return upload, parts, written

    def note(self, step: int, key: str, content: list[int] | None) -> Any:
        """Write the intention down; the result writes that it was acknowledged."""
        os.write(self.notes, json.dumps({"key": key, "content": content}).encode() + b"\n")

        def acknowledged() -> None:
            self.state[key] = content
            os.write(self.notes, b'"done"\n')

        return acknowledged


def run_job(job: dict[str, Any]) -> int:
    """Fork, work, be killed. Returns the wait status of the fork."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.environ["CLARY_CRASH_AT"] = job["point"]
            importlib.reload(crash)
            work = Work(Path(job["folder"]), job["seed"])
            if "share" in job:
                work.put_until(job["seed"], job["share"])
            else:
                work.run(job["first"])
            code = 0
        finally:
            os._exit(code)
    if job["after"]:
        time.sleep(job["after"])
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


if __name__ == "__main__":
    print(json.dumps([run_job(job) for job in json.load(sys.stdin)]))
