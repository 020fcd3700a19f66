"""Figures of S3: large bodies beside a plain copy of a file, the memory of an upload in parts, and long lists."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.client import Config
from sqlalchemy import insert
from tests.server import Server

from benchmarks.peer import PROGRAM, moto
from clary.store import buckets
from clary.store.database import Database
from clary.store.objects import OBJECTS

_SIZE = 500 * 1024**2
_PIECE = 1024**2
_ROUNDS = 3
_PART = 64 * 1024**2
_PARTS = 24
_MANY_PARTS = 160
_MULTIPART = "bench-parts"
_CROWD = "bench-crowd"
_KEYS = 200_000
_BATCH = 10_000
_PAGES = 9
_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"


def big_bodies(server: Server) -> dict[str, Any]:
    """Seconds of PUT and GET of 500 MiB over those of a durable copy of the same file, taking turns."""
    s3 = server.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="bench-objects")
    named = {"Bucket": "bench-objects", "Key": "big"}
    puts, gets, copies = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "target"
        with source.open("wb") as file:
            for _ in range(_SIZE // _PIECE):
                file.write(os.urandom(_PIECE))
        for _ in range(_ROUNDS):
            copies.append(_seconds(_copy, source, target))
            puts.append(_seconds(_put, s3.generate_presigned_url("put_object", named), source))
            gets.append(_seconds(_get, s3.generate_presigned_url("get_object", named), target))
    copy = statistics.median(copies)
    return {
        "name": "PUT and GET of 500 MiB beside a copy of the file (with fsync)",
        "put_ratio": round(statistics.median(puts) / copy, 2),
        "get_ratio": round(statistics.median(gets) / copy, 2),
        "copy_s": round(copy, 2),
        "n": _ROUNDS,
    }


def multipart_memory(server: Server) -> dict[str, Any]:
    """By how much the peak memory of control grows over 1.5 GiB in parts of 64 MiB, beyond the first of them."""
    grown = _growth_over_parts(server, _PARTS)
    return {"name": "growth of control over 1.5 GiB in parts, MB", "grown": round(grown, 1), "goal": "<= 32"}


def ten_gigabytes(server: Server) -> dict[str, Any]:
    """The same over 10 GiB, and over reading them back."""
    grown = _growth_over_parts(server, _MANY_PARTS)
    before, size = _peak_mb(server.child("control")), 0
    for piece in server.client("s3").get_object(Bucket=_MULTIPART, Key="big")["Body"].iter_chunks(_PIECE):
        size += len(piece)
    if size != _MANY_PARTS * _PART:
        raise RuntimeError(f"{size} bytes came back")
    return {
        "name": "growth of control over 10 GiB in parts and back, MB",
        "grown_by_upload": round(grown, 1),
        "grown_by_download": round(_peak_mb(server.child("control")) - before, 1),
        "goal": "<= 32",
    }


def _growth_over_parts(server: Server, count: int) -> float:
    s3 = server.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket=_MULTIPART)
    named = {"Bucket": _MULTIPART, "Key": "big"}
    upload = s3.create_multipart_upload(**named)["UploadId"]
    body, parts, first = os.urandom(_PART), [], 0.0
    for number in range(1, count + 1):
        etag = s3.upload_part(**named, UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
        first = first or _peak_mb(server.child("control"))
    s3.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": parts})
    return _peak_mb(server.child("control")) - first


def many_keys(server: Server) -> dict[str, Any]:
    """Seconds of a page of 1,000 keys among 200,000, from the middle, beside moto_server, taking turns.

    Both are filled directly, not through the API: that alone would take longer than all other figures.
    """
    s3 = server.client("s3")
    s3.create_bucket(Bucket=_CROWD)
    database = Database(server.settings.layout.database)
    for start in range(0, _KEYS, _BATCH):
        with database.write() as tx:
            bucket = buckets.get(tx, server.installation.account, _CROWD)
            tx.execute(insert(OBJECTS), [_row(bucket.id, number) for number in range(start, start + _BATCH)])
    database.close()
    script = Path(__file__).with_name("peer_with_keys.py")
    pairs = []
    with moto(str(PROGRAM.with_name("python")), str(script), _CROWD, str(_KEYS)) as peer_client:
        peer = peer_client("s3")
        for turn in range(_PAGES):
            page = {"Bucket": _CROWD, "StartAfter": f"folder/{_KEYS // 2 + turn:07d}"}
            pairs.append((_seconds(_list, s3, page), _seconds(_list, peer, page)))
    own, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "name": "a page of 1,000 keys among 200,000, s",
        "clary_s": round(own, 4),
        "moto_s": round(other, 4),
        "ratio": round(other / own, 1),
        "n": _PAGES,
    }


def _row(bucket_id: int, number: int) -> dict[str, Any]:
    described = {"size": 0, "etag": _NOTHING, "storage_class": "STANDARD", "checksum": "", "document": {}}
    named = {"bucket_id": bucket_id, "key": f"folder/{number:07d}"}
    return {**named, **described, "modified_at": datetime.now(UTC), "content": None, "version": "null"}


def _list(client: Any, page: dict[str, Any]) -> None:
    if client.list_objects_v2(**page)["KeyCount"] != 1000:
        raise RuntimeError("a page is not full")


def _put(url: str, source: Path) -> None:
    with source.open("rb") as file:
        _send("PUT", url, file, Path(os.devnull))


def _get(url: str, target: Path) -> None:
    _send("GET", url, None, target)


def _send(method: str, url: str, body: Any, target: Path) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, blocksize=_PIECE)
    headers = {} if body is None else {"Content-Length": str(_SIZE)}
    connection.request(method, f"{parts.path}?{parts.query}", body=body, headers=headers)
    answer = connection.getresponse()
    with target.open("wb") as file:
        shutil.copyfileobj(answer, file, _PIECE)
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{method} was answered with {answer.status}")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, _PIECE)
        writer.flush()
        os.fsync(writer.fileno())


def _seconds(function: Any, *arguments: Any) -> float:
    begun = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begun


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmHWM line")


OBJECT_FIGURES = (big_bodies, multipart_memory, many_keys)
LONG_OBJECT_FIGURES = (ten_gigabytes,)
