from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.wire import checksums

# the published check values: the checksum of the nine digits
DIGITS = {
    "x-amz-checksum-crc32": "cbf43926",
    "x-amz-checksum-crc32c": "e3069283",
    "x-amz-checksum-crc64nvme": "ae8b14860a799888",
    "x-amz-checksum-sha1": hashlib.sha1(b"123456789").hexdigest(),
    "x-amz-checksum-sha256": hashlib.sha256(b"123456789").hexdigest(),
    "content-md5": hashlib.md5(b"123456789").hexdigest(),
}


def of(header: str, *pieces: bytes) -> bytes:
    checksum = checksums.new(header)
    for piece in pieces:
        checksum.update(piece)
    return checksum.digest()


@pytest.mark.parametrize("header", checksums.HEADERS)
def test_published_values(header: str) -> None:
    assert of(header, b"123456789").hex() == DIGITS[header]
    checksum = checksums.new(header)
    checksum.update(b"123456789")
    assert base64.b64decode(checksums.encoded(checksum)).hex() == DIGITS[header]


def test_nothing_at_all() -> None:
    assert of("x-amz-checksum-crc32c") == bytes(4)
    assert of("x-amz-checksum-crc64nvme") == bytes(8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=300)), st.sampled_from(checksums.HEADERS))
def test_pieces_make_the_same_as_the_whole(pieces: list[bytes], header: str) -> None:
    assert of(header, *pieces) == of(header, b"".join(pieces))


def test_unknown_names_are_key_errors() -> None:
    with pytest.raises(KeyError):
        checksums.new("x-amz-checksum-crc16")
