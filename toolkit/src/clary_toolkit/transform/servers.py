"""Starting model servers as children of the driver, and asking them on unix sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clary_toolkit.errors import ModelServerError
from clary_toolkit.transform.splitting import BadObject

START_SECONDS = 600.0
LOOK_SECONDS = 0.02
PAUSE_SECONDS = 0.1
CHUNK = 1 << 20


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class ModelServer:
    """One `serve` process. Asked from several threads; each keeps a connection of its own."""

    def __init__(self, path: Path, timeout: float, retries: int) -> None:
        self._path, self._timeout, self._retries = path, timeout, retries
        self._own = threading.local()
        variables = {**os.environ, "CLARY_SERVER_SOCKET": str(path)}
        self._process = subprocess.Popen([sys.executable, "-m", "clary_toolkit", "serve"], env=variables)

    def wait_until_ready(self) -> None:
        """Raises ModelServerError; the server has then said why, in the log and in the failure file."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise ModelServerError("the model server could not start; the log says why")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self._ask("GET", "/ping", b"", {})[0] == 200:
                    return
            self._forget()
            time.sleep(LOOK_SECONDS)
        raise ModelServerError(f"the model server did not answer /ping within {START_SECONDS:.0f} s")

    def execution_parameters(self) -> Mapping[str, Any]:
        """What the server wishes; nothing when it does not say."""
        try:
            status, body = self._ask("GET", "/execution-parameters", b"", {})
            told = json.loads(body) if status == 200 else {}
        except (OSError, http.client.HTTPException, ValueError):
            self._forget()
            return {}
        return told if isinstance(told, dict) else {}

    def invoke(self, body: bytes, headers: Mapping[str, str], *, streamed: bool) -> bytes:
        """The model's answer, after as many tries as allowed. Raises BadObject."""
        problem = ""
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
            try:
                status, answer = self._ask("POST", "/invocations", body, headers, streamed=streamed)
            except (OSError, http.client.HTTPException) as error:
                self._forget()
                problem = f"the model server did not answer: {type(error).__name__}: {error}"
                continue
            if 200 <= status < 300:
                return answer
            problem = f"the model answered {status}: {answer[:300].decode('utf-8', 'replace')}"
            if status < 500 and status != 429:
                break
        raise BadObject(problem)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, streamed: bool = False
    ) -> tuple[int, bytes]:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = _Connection(self._path, self._timeout)
        if streamed:
            chunks = (body[start : start + CHUNK] for start in range(0, len(body), CHUNK))
            connection.request(method, path, chunks, dict(headers), encode_chunked=True)
        else:
            connection.request(method, path, body or None, dict(headers))
        response = connection.getresponse()
        return int(response.status), bytes(response.read())

    def _forget(self) -> None:
        connection = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()
        self._own.connection = None
