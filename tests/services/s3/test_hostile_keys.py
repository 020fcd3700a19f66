"""Keys are data: whatever they look like, nothing outside of the blobs folder moves, and they come back unchanged."""

from __future__ import annotations

import random
from pathlib import Path
from urllib.parse import unquote_plus

from tests.services.s3.client import S3

NASTY = [
    "..",
    ".",
    "../../etc/passwd",
    "/",
    "//",
    "/etc/passwd",
    "a/../b",
    "a/./b",
    "..\\..\\windows",
    "C:\\x",
    "%2e%2e/%2e%2e",
    "%00",
    "\0",
    "a\0b",
    "a",
    "A",
    "a/",
    "a/b",
    "CON",
    "nul.txt",
    "~root",
    "$HOME",
    "`id`",
    "; rm -rf /",
    "\n",
    "\r\n\r\nHTTP/1.1 200 OK",
    "é",
    "e\u0301",
    "\u202e",
    "\ufeff",
    "\uffff",
    "😀",
    "incoming",
    "<x>&amp;</x>",
    "]]>",
    "'; DROP TABLE objects; --",
    "k" * 1024,
    "é" * 512,
    "/" * 1024,
    "../" * 341,
]


def hostile_keys(number: int) -> list[str]:
    """The list above and combinations of its short members, the same ones every time."""
    chosen = random.Random(4711)
    pieces = [key for key in NASTY if len(key) < 40]
    keys = dict.fromkeys(NASTY)
    while len(keys) < number:
        keys[chosen.choice(["", "/"]).join(chosen.choices(pieces, k=chosen.randint(2, 4)))] = None
    return list(keys)


def tree(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_500_hostile_keys_come_back_and_write_nothing_outside(s3: S3, tmp_path: Path) -> None:
    keys = hostile_keys(500)
    before = tree(tmp_path.parent)
    for number, key in enumerate(keys):
        s3.put(key, f"body {number}".encode())
    blobs = s3.context.settings.layout.blobs
    new = tree(tmp_path.parent) - before
    assert len(s3.files()) == 500
    outside = {path for path in new if blobs not in path.parents}
    assert outside <= {tmp_path / "clary.db-wal", tmp_path / "clary.db-shm"}
    assert all(path.parent.parent.parent == blobs for path in s3.files())
    for number, key in enumerate(keys):
        assert s3.read(key) == f"body {number}".encode()
    listed = s3("ListObjectsV2", Bucket="bucket", EncodingType="url")["Contents"]
    assert [unquote_plus(entry["Key"]) for entry in listed] == sorted(keys, key=str.encode)
    for start in range(0, 500, 250):
        wanted = [{"Key": key} for key in keys[start : start + 250]]
        assert "Errors" not in s3("DeleteObjects", Bucket="bucket", Delete={"Objects": wanted})
    assert s3.files() == []


def test_keys_have_1_to_1024_bytes_of_utf_8(s3: S3) -> None:
    error = s3.put_fails("KeyTooLongError", "é" * 513)
    assert error.members == {"Size": "1026", "MaxSizeAllowed": "1024"}
    s3.put_fails("InvalidArgument", "")
    s3.put_fails("InvalidURI", "\ud800")
    for name in ("GetObject", "HeadObject", "DeleteObject"):
        s3.fails(name, "KeyTooLongError", Bucket="bucket", Key="k" * 1025)
    assert s3.files() == []
