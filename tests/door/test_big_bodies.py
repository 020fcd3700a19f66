"""Bodies and answers that do not fit into the door's memory."""

from __future__ import annotations

import hashlib
import http.client
import os
import resource
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.door.harness import Harness

LARGE = 300 * 1024 * 1024
PIECE = 1024 * 1024
FEW = 32 * 1024 * 1024


def peak(process: subprocess.Popen[bytes]) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.parametrize("harness", [{"max_invocation_bytes": 1024**3}], indirect=True)
def test_large_bodies_and_answers_leave_the_memory_of_a_door_as_it_is(harness: Harness) -> None:
    harness.serve(harness.model())
    door = harness.door()
    assert harness.invoke(b"x").status == 200
    before = peak(door)
    first, piece = b"!length ".ljust(PIECE), os.urandom(PIECE)
    pieces = [first, *[piece] * (LARGE // PIECE - 1)]
    digest = hashlib.sha256()
    for each in pieces:
        digest.update(each)
    target = "/endpoints/e/invocations"
    signed = harness.sign("POST", target, headers={"X-Amz-Content-SHA256": digest.hexdigest()})
    answer = harness.ask("POST", target, iter(pieces), {**signed, "Content-Length": str(LARGE)})
    assert answer.body.decode() == f"{LARGE} {digest.hexdigest()}"
    assert body_of(harness, b"!big %d" % LARGE) == LARGE
    assert peak(door) - before < FEW
    assert list((harness.settings.layout.run).glob("tmp*")) == [], "nothing is left behind"


def body_of(harness: Harness, body: bytes) -> int:
    """Length of the answer, which is not kept here either."""
    target = "/endpoints/e/invocations"
    connection = http.client.HTTPConnection("127.0.0.1", harness.port, timeout=60)
    connection.request("POST", target, body, harness.sign("POST", target, body))
    response = connection.getresponse()
    time.sleep(0.3)  # a reader that is slow to start
    size = 0
    while piece := response.read(1 << 20):
        size += len(piece)
    connection.close()
    return size


def test_a_large_body_is_sent_again_whole(harness: Harness, tmp_path: Path) -> None:
    """The model server reads all of it and breaks off without a byte of an answer, once."""
    harness.serve(harness.model())
    harness.door()
    body = f"!once {tmp_path / 'once'} ".encode() + os.urandom(5_000_000)
    answer = harness.invoke(body)
    assert (answer.status, answer.body.decode()) == (200, f"{len(body)} {hashlib.sha256(body).hexdigest()}")
    target = "/endpoints/e/invocations"
    pieces = (body[start : start + 100_000] for start in range(0, len(body), 100_000))
    chunked: Any = harness.ask("POST", target, pieces, harness.sign("POST", target, body))
    assert chunked.body.startswith(b"%d " % len(body))


def test_who_has_no_key_may_not_use_the_disk(harness: Harness) -> None:
    harness.serve(harness.model())
    harness.door()
    body = b"x" * 5_000_000
    target = "/endpoints/e/invocations"
    head = harness.sign("POST", target, body, key="AKIAUNKNOWNUNKNOWN00")
    lines = "".join(f"{key}: {value}\r\n" for key, value in head.items())
    # Far less than the body is sent: the answer does not wait for the rest.
    said = harness.raw(
        f"POST {target} HTTP/1.1\r\n{lines}Content-Length: 5000000\r\n\r\n".encode() + body[:1_500_000]
    )
    assert said.startswith(b"HTTP/1.1 403 ")
    wrong = harness.invoke(body, secret="wrong")
    assert (wrong.status, wrong.code) == (403, "InvalidSignatureException")


def test_a_disk_that_takes_nothing_is_an_internal_dependency(harness: Harness) -> None:
    harness.serve(harness.model())
    door = harness.door()
    resource.prlimit(door.pid, resource.RLIMIT_FSIZE, (500_000, 500_000))
    answer = harness.invoke(b"x" * 5_000_000)
    assert (answer.status, answer.code) == (530, "InternalDependencyException")
    assert harness.invoke(b"x").status == 200


@pytest.mark.parametrize("harness", [{"max_invocation_bytes": 2_000_000}], indirect=True)
def test_an_answer_over_the_limit(harness: Harness) -> None:
    harness.serve(harness.model())
    harness.door()
    refused = harness.invoke(b"!big 2000001")
    assert (refused.status, refused.code) == (424, "ModelError")
    assert "exceeded 2000000 bytes" in refused.message
    assert len(harness.invoke(b"!big 2000000").body) == 2_000_000
