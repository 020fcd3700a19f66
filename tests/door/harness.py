"""Parts of a real door for tests: an installation, model servers, a stand-in for control, a door, clients.

Everything is a process of its own on unix sockets and free ports; `Harness.close` ends what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from clary.access.principals import role_session
from clary.access.sessions import SessionCredentials, mint_session
from clary.base.installation import Installation, ensure_installation
from clary.base.settings import Settings
from clary.base.snapshots import (
    Access,
    AccessKey,
    Endpoint,
    PrincipalPolicies,
    Replica,
    Routes,
    Variant,
    route_key,
    write_access,
    write_routes,
)

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
USER_KEY = "AKIAUSERUSERUSERUSER"
USER_SECRET = "user-secret"


def eventually(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The condition's first true value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.01)


@dataclass
class Model:
    """A toy model server. `restart` starts it on the same socket."""

    harness: Harness
    name: str
    delay: float
    process: subprocess.Popen[bytes] | None = None

    @property
    def path(self) -> Path:
        return self.harness.settings.layout.unit_socket(self.name)

    @property
    def record(self) -> Replica:
        return Replica(self.name, f"unix:{self.path}")

    def start(self, *, wait: bool = True) -> Model:
        self.process = self.harness.spawn(
            [str(HERE / "toy_model.py"), str(self.path), str(self.delay)], stdout=subprocess.PIPE
        )
        if wait:
            assert self.process.stdout is not None
            self.process.stdout.readline()
        return self

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.process.wait(10)
            if self.process.stdout is not None:
                self.process.stdout.close()


@dataclass
class Harness:
    """One installation below `folder`."""

    folder: Path
    changes: dict[str, Any] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    number: int = 0
    extra_variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        base: dict[str, Any] = {
            "data": self.folder / "data",
            "port": 0,
            "https_port": 0,
            "doors": 1,
            "log_level": "warning",
        }
        self.settings = Settings(**{**base, **self.changes})
        self.installation: Installation = ensure_installation(self.settings)
        self.http = self._listen()
        self.https = self._listen()
        self.policies: tuple[dict[str, Any], ...] = ()
        self.write_access()

    # Snapshots

    def write_access(self, *policies: dict[str, Any]) -> None:
        """Root, a user with `policies`, and a role with the same."""
        self.number += 1
        account, i = self.installation.account, self.installation
        user, role = f"arn:aws:iam::{account}:user/u", f"arn:aws:iam::{account}:role/r"
        access = Access(
            self.number,
            {
                i.access_key_id: AccessKey(i.secret_access_key, i.root_arn, account),
                USER_KEY: AccessKey(USER_SECRET, user, account),
            },
            {
                i.root_arn: PrincipalPolicies(i.root_arn, account, account, root=True),
                user: PrincipalPolicies(user, account, "AIDAUSER", policies=policies),
                role: PrincipalPolicies(role, account, "AROAROLE", policies=policies),
            },
        )
        write_access(self.settings.layout.access, access)

    def session(self, seconds: float = 900) -> SessionCredentials:
        now = datetime.datetime.now(UTC)
        role = f"arn:aws:iam::{self.installation.account}:role/r"
        return mint_session(
            self.installation.master_key,
            principal=role_session(role, "AROAROLE", "s"),
            issued_at=now,
            expires_at=now + datetime.timedelta(seconds=seconds),
        )

    def endpoint(
        self,
        name: str,
        *variants: Variant,
        status: str = "InService",
        timeout: float = 60.0,
        tags: dict[str, str] | None = None,
    ) -> Endpoint:
        account, region = self.installation.account, self.installation.region
        arn = f"arn:aws:sagemaker:{region}:{account}:endpoint/{name.lower()}"
        return Endpoint(account, region, name, arn, status, timeout, variants, tags or {})

    def write_routes(self, *endpoints: Endpoint) -> int:
        self.number += 1
        write_routes(
            self.settings.layout.routes,
            Routes(self.number, {route_key(e.account, e.region, e.name): e for e in endpoints}),
        )
        return self.number

    def serve(self, *models: Model, name: str = "e", **more: Any) -> int:
        """One endpoint with one variant."""
        return self.write_routes(self.endpoint(name, Variant("v1", 1.0, tuple(m.record for m in models)), **more))

    def await_snapshot(self, number: int) -> None:
        """Until every door has said that it serves it."""
        folder = self.settings.layout.run / "doors"
        eventually(lambda: [f for f in folder.iterdir() if f.name.isdigit()] and all(
            int(f.read_text()) >= number for f in folder.iterdir() if f.name.isdigit()
        ))  # fmt: skip

    # Processes

    def spawn(self, arguments: list[str], **more: Any) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            **self.settings.to_environment(),
            **self.extra_variables,
            **more.pop("variables", {}),
        }
        environment["PYTHONPATH"] = str(ROOT)
        process = subprocess.Popen([sys.executable, *arguments], env=environment, start_new_session=True, **more)
        self.processes.append(process)
        return process

    def model(self, name: str = "m", delay: float = 0.0) -> Model:
        return Model(self, name, delay).start()

    def control(self) -> subprocess.Popen[bytes]:
        process = self.spawn(["-m", "tests.door.stub_control"])
        eventually(self._control_answers)
        return process

    def door(self, **numbers: float) -> subprocess.Popen[bytes]:
        """A door; `numbers` replace those of clary.door.limits."""
        descriptors = (self.http.fileno(), self.https.fileno())
        variables = {"CLARY_DOOR_HTTP_FD": str(descriptors[0])}
        if (self.settings.layout.tls / "server.pem").exists():
            variables["CLARY_DOOR_HTTPS_FD"] = str(descriptors[1])
        settings = "".join(f"limits.{name} = {value}; " for name, value in numbers.items())
        script = f"from clary.door import limits; {settings}from clary.door.__main__ import main; main()"
        program = ["-c", script] if numbers else ["-m", "clary.door"]
        process = self.spawn(program, pass_fds=descriptors, variables=variables)
        eventually((self.settings.layout.run / "doors" / str(process.pid)).exists)
        return process

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self.http.close()
        self.https.close()
        shutil.rmtree(self.settings.layout.sockets, ignore_errors=True)

    # Clients

    @property
    def port(self) -> int:
        return int(self.http.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sign(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None, **how: Any
    ) -> dict[str, str]:
        """Headers of a request that botocore has signed."""
        keys = (
            how.get("key", self.installation.access_key_id),
            how.get("secret", self.installation.secret_access_key),
        )
        credentials = botocore.credentials.Credentials(*keys, how.get("token"))
        request = botocore.awsrequest.AWSRequest(method, self.url + target, dict(headers or {}), body)
        region = how.get("region", self.installation.region)
        botocore.auth.SigV4Auth(credentials, how.get("service", "sagemaker"), region).add_auth(request)
        return {"Host": f"127.0.0.1:{self.port}", **{str(k): str(v) for k, v in request.headers.items()}}

    def invoke(self, body: bytes, name: str = "e", headers: dict[str, str] | None = None, **how: Any) -> Answer:
        target = f"/endpoints/{name}/invocations"
        return self.ask("POST", target, body, self.sign("POST", target, body, headers, **how))

    def ask(self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def connect(self) -> socket.socket:
        """A connection that is closed at the end of the test at the latest."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.connections.append(connection)
        return connection

    def raw(self, data: bytes, seconds: float = 30.0) -> bytes:
        """Everything the door says to these bytes until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(data)
            parts = []
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    parts.append(part)
            return b"".join(parts)

    def signed_bytes(self, body: bytes, name: str = "e") -> bytes:
        """A whole invocation as bytes."""
        target = f"/endpoints/{name}/invocations"
        head = "".join(f"{key}: {value}\r\n" for key, value in self.sign("POST", target, body).items())
        return f"POST {target} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _control_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.settings.layout.control_socket)) == 0

    def _listen(self) -> socket.socket:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        return listening


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return self.headers.get("x-amzn-errortype", "")

    @property
    def message(self) -> str:
        return str(json.loads(self.body)["message"])

    def json(self) -> Any:
        return json.loads(self.body)


class Load:
    """Closed-loop clients that send the same signed bytes again and again over keep-alive connections."""

    def __init__(self, port: int, request: bytes, clients: int) -> None:
        self.port = port
        self.request = request
        self.clients = clients
        self.statuses: dict[int, int] = {}
        self.broken: list[str] = []
        self.refused = 0
        self.seconds: list[float] = []
        self.stopped = False

    @property
    def failed(self) -> int:
        return len(self.broken) + self.refused + sum(n for status, n in self.statuses.items() if status != 200)

    async def go_on(self) -> None:
        """Return when every client may have been answered once more, however slow the machine is."""
        end = self.statuses.get(200, 0) + 2 * self.clients
        while self.statuses.get(200, 0) < end:
            await asyncio.sleep(0.01)

    async def run(self, director: Callable[[], Any]) -> Load:
        """Load while the coroutine of `director` runs."""
        tasks = [asyncio.create_task(self._client()) for _ in range(self.clients)]
        try:
            await director()
        finally:
            self.stopped = True
            await asyncio.gather(*tasks)
        return self

    async def _client(self) -> None:
        writer = None
        while not self.stopped:
            if writer is None:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except ConnectionRefusedError:
                    self.refused += 1
                    await asyncio.sleep(0.01)
                    continue
            begun = time.perf_counter()
            try:
                writer.write(self.request)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                self.broken.append(repr(error))
                writer.close()
                writer = None
                continue
            self.seconds.append(time.perf_counter() - begun)
            status = int(head[9:12])
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if b"connection: close" in head.lower():
                writer.close()
                writer = None
        if writer is not None:
            writer.close()
