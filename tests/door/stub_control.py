"""Stands in for control: a tiny ASGI application on the control socket (`python -m tests.door.stub_control`).

`/echo` tells what arrived, `/count` counts a body without keeping it, `/stream?N` sends N bytes, `/slow?S` answers
after S seconds, `/refuse` answers before the body has come, `/ready` and `/clary/ready` answer 200.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from typing import Any

import uvicorn

from clary.base.errors import HOPELESS
from clary.base.settings import load_settings

SETTINGS = load_settings()


async def whole(receive: Any) -> bytes:
    parts = []
    while True:
        event = await receive()
        parts.append(event.get("body", b""))
        if not event.get("more_body"):
            return b"".join(parts)


async def application(scope: Any, receive: Any, send: Any) -> None:
    path, query = scope["path"], scope["query_string"].decode()
    status, body, headers = 200, b"", [(b"content-type", b"text/plain")]
    if path == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        left = int(query)
        while left > 0:
            piece = min(left, 65536)
            await send({"type": "http.response.body", "body": b"x" * piece, "more_body": True})
            left -= piece
        await send({"type": "http.response.body", "body": b""})
        return
    if path == "/count":
        size, digest, more = 0, hashlib.sha256(), True
        while more:
            event = await receive()
            size += len(event.get("body", b""))
            digest.update(event.get("body", b""))
            more = event.get("more_body", False)
        body = json.dumps({"size": size, "sha256": digest.hexdigest()}).encode()
    elif path == "/refuse":
        status, body = 403, b"no"
    elif path == "/slow":
        await asyncio.sleep(float(query))
        body = b"slow"
    elif path == "/nothing":
        status, headers = 204, []
    elif path == "/echo":
        content = await whole(receive)
        pairs = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
        raw = scope["raw_path"].decode() + ("?" + query if query else "")
        document = {"method": scope["method"], "target": raw, "headers": pairs, "body": content.decode("latin-1")}
        body = json.dumps({**document, "pid": os.getpid()}).encode()
        headers.append((b"keep-alive", b"timeout=5"))
    elif path not in ("/ready", "/clary/ready"):
        status, body = 501, b"not served"
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class Server(uvicorn.Server):
    """Says which signal ended it."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        (SETTINGS.data / "control-ended-by").write_text(signal.Signals(sig).name)
        super().handle_exit(sig, frame)


def main() -> None:
    path = SETTINGS.layout.control_socket
    path.unlink(missing_ok=True)
    starts = SETTINGS.data / "control-starts"
    starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
    if (SETTINGS.data / "control-refuses").exists():
        raise SystemExit(3)
    if (SETTINGS.data / "control-despairs").exists():
        print("clary: nothing will do", file=sys.stderr, flush=True)
        raise SystemExit(HOPELESS)
    config = uvicorn.Config(
        application, uds=str(path), log_level="error", lifespan="off", timeout_graceful_shutdown=1
    )
    Server(config).run()


if __name__ == "__main__":
    main()
