"""Control without sockets: requests of boto3, or plain ones, go straight into the application."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from urllib3 import HTTPResponse

from clary.base.clock import SystemClock
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.base.snapshots import Access, AccessKey, PrincipalPolicies
from clary.control.application import Application
from clary.control.audit import AuditTrail
from clary.control.authentication import Authentication
from clary.control.context import ContextMaker
from clary.control.cross_origin import CrossOrigin
from clary.control.form_uploads import FormUploads
from clary.control.hold import Changes, Hold
from clary.control.internal import InternalPaths
from clary.control.spool import SpoolOpener
from clary.services.context import NoFunctions
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.wire.catalog import Catalog
from clary.wire.paging import Pager
from clary.wire.routing import Router

HOME, OTHER = "111122223333", "444455556666"
ENDPOINT = "http://localhost"
_CATALOG = Catalog()


@dataclass
class Answer:
    """What came back for a plain request."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Control:
    """`principals` are (access key, ARN, policies); the roots of two accounts are always there."""

    database: Database
    blobs: Blobs
    folder: Path
    pool: ThreadPoolExecutor
    principals: dict[str, PrincipalPolicies] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for account in (HOME, OTHER):
            arn = f"arn:aws:iam::{account}:root"
            self.principals[f"AKIA{account}ROOT"] = PrincipalPolicies(arn, account, account, root=True)

    def add_user(self, account: str, name: str, *policies: Mapping[str, Any]) -> str:
        """Returns the user's ARN; its access key is AKIA and the name."""
        arn = f"arn:aws:iam::{account}:user/{name}"
        self.principals[f"AKIA{name}"] = PrincipalPolicies(arn, account, f"AIDA{name}", policies=policies)
        return arn

    def client(self, key: str = f"AKIA{HOME}ROOT", **config: Any) -> Any:
        """A client of S3 that sends into this process."""
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=ENDPOINT,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, **config),
        )
        self.attach(client)
        return client

    def attach(self, client: Any) -> None:
        """Answer what a client of botocore sends."""
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-send.{name}", self._answer_client)

    def send(self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """One request; the body arrives in pieces."""
        pieces = [body[start : start + 65_536] for start in range(0, len(body), 65_536)] or [b""]
        return self.send_pieces(method, url, pieces, headers)

    def send_pieces(
        self, method: str, url: str, pieces: Sequence[bytes], headers: Mapping[str, str] | None = None
    ) -> Answer:
        parts = urlsplit(url)
        named = {"host": parts.netloc, "x-clary-client": "10.1.2.3", **(headers or {})}
        scope = {
            "method": method,
            "raw_path": _raw(parts.path or "/"),
            "query_string": _raw(parts.query),
            "headers": [(name.lower().encode(), _raw(value)) for name, value in named.items()],
        }
        return asyncio.run(self._run(scope, list(pieces)))

    async def _run(self, scope: dict[str, Any], pieces: list[bytes]) -> Answer:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            piece = pieces.pop(0) if pieces else b""
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._application()(scope, receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:]))

    def _application(self) -> Application:
        clock = SystemClock()
        installation = Installation(HOME, "us-east-1", f"AKIA{HOME}ROOT", "secret", "00" * 32)
        settings = Settings(data=self.folder)
        make_context = ContextMaker(
            self.database, self.blobs, installation, settings, Pager(b"\0" * 32), clock, NoFunctions()
        )
        keys = {key: AccessKey("secret", found.arn, found.account) for key, found in self.principals.items()}
        access = Access(1, keys, {found.arn: found for found in self.principals.values()})
        router = Router(_CATALOG)
        authentication = Authentication(lambda: access, installation, clock)
        open_spool = SpoolOpener(self.blobs)
        return Application(
            internal=InternalPaths(self.database, self.blobs, installation, clock, lambda _unit: True),
            router=router,
            authentication=authentication,
            hold=Hold(Changes(self.database, asyncio.get_running_loop()), clock, 0),
            make_context=make_context.of_call,
            open_spool=open_spool,
            pool=self.pool,
            waiting_pool=self.pool,
            audit=AuditTrail(self.database, self.folder / "audit", clock),
            cross_origin=CrossOrigin(self.database, router),
            forms=FormUploads(router, authentication, make_context, open_spool, self.pool),
        )

    def _answer_client(self, request: Any, **_: Any) -> AWSResponse:
        body = request.body or b""
        data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else body.read()
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        answer = self.send(request.method, request.url, data, headers)
        body_of = io.BytesIO(answer.body)
        raw = HTTPResponse(
            body_of, answer.headers, answer.status, preload_content=False, request_method=request.method
        )
        return AWSResponse(request.url, answer.status, answer.headers, raw)


def _raw(text: str) -> bytes:
    """Text as UTF-8; what came of other bytes becomes these again."""
    return text.encode("utf-8", "surrogateescape")


@contextmanager
def control_in(folder: Path) -> Iterator[Control]:
    """A control with an empty store."""
    database = Database(folder / "clary.db")
    with ThreadPoolExecutor(4) as pool:
        yield Control(database, Blobs(folder / "blobs"), folder, pool)
    database.close()
