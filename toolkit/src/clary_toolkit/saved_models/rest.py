"""TensorFlow Serving's REST interface on the loopback interface, for handlers that ask `context.rest_uri` by HTTP.

It runs in threads of its own, as the handler that asks occupies the main one. Other programs of the machine see
the loopback interface, too: without the key in its path no request is answered.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from clary_toolkit.errors import RequestError
from clary_toolkit.saved_models.addresses import Target, target_at
from clary_toolkit.saved_models.answers import answer, state
from clary_toolkit.saved_models.documents import parsed
from clary_toolkit.saved_models.loading import Models
from clary_toolkit.saved_models.refusal import Refusal
from clary_toolkit.serving.calls import UserCodeFailed, call
from clary_toolkit.serving.content import JSON

ADDRESS = "127.0.0.1"
LINE_LIMIT = 1024


class RestServer(ThreadingHTTPServer):
    """Listens as soon as it exists, until the process ends."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, models: Models) -> None:
        super().__init__((ADDRESS, 0), _Exchange)
        self.models = models
        self.prefix = f"/{secrets.token_urlsafe(16)}"
        threading.Thread(target=self.serve_forever, name="rest", daemon=True).start()

    def uri(self, target: Target) -> str:
        return f"http://{ADDRESS}:{self.server_address[1]}{self.prefix}{target.path}"


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 300
    wbufsize = -1  # head and body in one packet, or the body would wait for the client's acknowledgement

    def do_POST(self) -> None:
        self._respond(self._posted)

    def do_GET(self) -> None:
        self._respond(self._looked_at)

    def _respond(self, found: Callable[[str], bytes]) -> None:
        try:
            status, body = 200, call("the model", found, self._checked_path())
        except UserCodeFailed as error:
            error.print_traceback()
            status, body = 500, Refusal(500, str(error.cause)).message.encode()
        except RequestError as refusal:
            status, body = refusal.status, refusal.message.encode()
        self.send_response(status)
        self.send_header("Content-Type", JSON)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _checked_path(self) -> str:
        """The path behind the key. Without the key not even the body is read. Raises Refusal."""
        prefix = cast("RestServer", self.server).prefix
        key, path = self.path[: len(prefix)], self.path[len(prefix) :]
        if not hmac.compare_digest(key.encode("latin-1", "replace"), prefix.encode()):
            self.close_connection = True
            raise Refusal(404, "Not Found")
        return path

    def _posted(self, path: str) -> bytes:
        body = self._body()
        target = target_at(path)
        if not target.method:
            raise Refusal(400, f"Malformed request: POST {path}")
        return answer(cast("RestServer", self.server).models, target, parsed(body))

    def _looked_at(self, path: str) -> bytes:
        target = target_at(path)
        if target.method:
            raise Refusal(400, f"Malformed request: GET {path}")
        return state(cast("RestServer", self.server).models, target)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(LINE_LIMIT).partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline(LINE_LIMIT)
        while self.rfile.readline(LINE_LIMIT).strip():  # trailers
            pass
        return b"".join(parts)

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Nothing: the model server tells of invocations that fail."""
