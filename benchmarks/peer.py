"""moto_server, the usual mock of the AWS APIs, as a process of its own: the peer of the Describe figures."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

PROGRAM = Path(__file__).resolve().parent.parent / ".venv-bench" / "bin" / "moto_server"


@contextmanager
def moto(*command: str) -> Iterator[Any]:
    """A factory of boto3 clients for a fresh moto_server, or for a program that becomes one after its own work."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*(command or [str(PROGRAM)]), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + (300 if command else 30)
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield lambda service: boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
    finally:
        process.terminate()
        process.wait(60)  # one that holds many objects takes its time
