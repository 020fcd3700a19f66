"""One HTTP request with time limits. Redirects are not followed: only what the user has named is called.

Addresses at which clouds give machines their credentials are refused. Loopback is not: receivers of one's own live
there, and Clary itself answers nobody without a signature.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from clary.engine.events.targets.target import Undeliverable

_SECONDS = 15.0
_MOST_READ = 65_536
_METADATA = frozenset({ip_address("100.100.100.200"), ip_address("168.63.129.16"), ip_address("fd00:ec2::254")})
_RETRYABLE = frozenset({408, 409, 425, 429})


def request(method: str, url: str, headers: Mapping[str, str], body: str) -> None:
    """Undeliverable unless the answer is 2xx."""
    parts, connection = _parsed(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"User-Agent": "Clary", "Content-Type": "application/json; charset=utf-8", **headers}
    try:
        _reach(connection)
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


def _parsed(url: str) -> tuple[SplitResult, http.client.HTTPConnection]:
    """The parts of the URL, and what will connect to its host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]
        if not host or "\n" in url or "\r" in url:
            raise ValueError(url)
        if parts.scheme == "http":
            return parts, http.client.HTTPConnection(host, port, timeout=_SECONDS)
        context = ssl.create_default_context()
        return parts, http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)
    except (KeyError, ValueError, http.client.HTTPException):
        raise Undeliverable("INVALID_URL", "The URL of the target is not valid.") from None


def _reach(connection: http.client.HTTPConnection) -> None:
    """Connect. The peer is looked at again, because its name may mean another address by then."""
    for *_, found in socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM):
        check_address(str(found[0]))
    connection.connect()
    check_address(connection.sock.getpeername()[0])


def check_address(text: str) -> None:
    """Undeliverable for link-local, multicast and metadata addresses, however they are written."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified or address in _METADATA:
        raise Undeliverable("FORBIDDEN_ADDRESS", f"{address} is not an address that may be called.")
