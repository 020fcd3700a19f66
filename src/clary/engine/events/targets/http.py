"""One HTTP request with time limits. Redirects are not followed: only what the user has named is called."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from clary.engine.events.targets.target import Undeliverable

_SECONDS = 15.0
_MOST_READ = 65_536
_RETRYABLE = frozenset({408, 409, 425, 429})


def request(method: str, url: str, headers: Mapping[str, str], body: str) -> None:
    """Undeliverable unless the answer is 2xx."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "\n" in url or "\r" in url:
        raise Undeliverable("INVALID_URL", "The URL of the target is not valid.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"User-Agent": "Clary", "Content-Type": "application/json; charset=utf-8", **headers}
    connection = _connect(parts.scheme, parts.hostname, parts.port)
    try:
        connection.request(method, path, body.encode(), sent)
        answer = connection.getresponse()
        answer.read(_MOST_READ)
    except (OSError, http.client.HTTPException) as error:
        raise Undeliverable("CONNECTION_FAILED", f"{parts.hostname}: {error}", temporary=True) from None
    except ValueError as error:
        raise Undeliverable("INVALID_REQUEST", f"The request cannot be made: {error}") from None
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        again = answer.status >= 500 or answer.status in _RETRYABLE
        raise Undeliverable(f"HTTP_{answer.status}", f"{parts.hostname} answered {answer.status}.", temporary=again)


def _connect(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=_SECONDS)
    return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=ssl.create_default_context())
