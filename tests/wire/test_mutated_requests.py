"""Requests of every served operation with bytes changed: understood or refused with a code, and nothing else.

What reaches the handlers is tried through a real server (tests/system/test_fuzz.py); this is what comes before them.
"""

from __future__ import annotations

import io
import random
from dataclasses import replace

import pytest

from clary.base.errors import ApiError
from clary.control.dispatch import OPERATIONS
from clary.wire.catalog import Catalog
from clary.wire.http import RequestHead
from clary.wire.parsing import parse
from clary.wire.routing import Router
from clary.wire.validation import validate
from tests.wire.samples import Sampler, request

SEED = 20260701
ROUNDS = 40
PIECES = [
    b"",
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"%",
    b"%ff%00",
    b"..",
    b"{",
    b"]",
    b"<",
    b"&",
    b"=",
    b'"',
    b"\\u",
    b"null",
    b"-1",
    b"1e999",
    b"\x9f\xbf",
    b".member.",
    b"9" * 50,
    b"[" * 300,
    b"<a>" * 300,
    b"\x81" * 300,
]
CASES = [(service, protocol) for service in OPERATIONS for protocol in Catalog().facts[service].protocols]


def mutate(rng: random.Random, data: bytes) -> bytes:
    """One to three places with other bytes, fewer or more of them."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(data) + 1)
        data = data[:at] + rng.choice(PIECES) + data[at + rng.choice([0, 1, 1, 2, 20]) :]
    return data


def mutated(rng: random.Random, head: RequestHead, body: bytes) -> tuple[RequestHead, bytes]:
    """Changes in the body, or where there is none or by chance, in path, query and headers."""
    if body and rng.random() < 0.7:
        return head, rng.randbytes(rng.randrange(60)) if rng.random() < 0.1 else mutate(rng, body)
    part = rng.choice(["path", "query", "headers"])
    if part == "headers":
        name = rng.choice(sorted(head.headers))
        return replace(head, headers={**head.headers, name: text(mutate(rng, head.headers[name].encode()))}), body
    return replace(head, **{part: text(mutate(rng, getattr(head, part).encode()))}), body


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(("service", "protocol"), CASES)
def test_changed_bytes_are_understood_or_refused(
    catalog: Catalog, router: Router, service: str, protocol: str
) -> None:
    sampler, rng = Sampler(SEED), random.Random(f"{SEED}/{service}/{protocol}")
    broken, refused = [], 0
    for name in sorted(OPERATIONS[service]):
        operation = catalog.operation(service, name)
        assert operation is not None
        shape = operation.input_shape
        for _ in range(ROUNDS):
            head, body = mutated(rng, *request(operation, protocol, sampler.value(shape) if shape else {}))
            try:
                target = router.identify(head, body if router.needs_body(head) else None)
                streams = target.streams_input
                validate(target, parse(target, head, io.BytesIO(body) if streams else body))
            except ApiError as error:
                refused += 1
                if not error.code or (error.status >= 500 and error.status != 501):
                    broken.append((name, head, body, repr(error)))
    assert broken == []
    assert refused > len(OPERATIONS[service]), "the changes are not harmless"
