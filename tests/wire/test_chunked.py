from __future__ import annotations

import base64
import hashlib
import hmac
import io
import zlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.base.errors import ApiError
from clary.wire import checksums
from clary.wire.chunked import ChunkedDecoder, decoder
from clary.wire.http import RequestHead
from clary.wire.sigv4 import (
    EMPTY_SHA256,
    STREAMING_SIGNED,
    STREAMING_SIGNED_TRAILER,
    STREAMING_UNSIGNED_TRAILER,
    Signature,
    Verifier,
    read_signature,
)
from tests.wire.signing import KEY, NOW, SECRET, Signed, accept

# The worked examples of the S3 documentation: 65 KiB of the letter a in chunks of 64 KiB.
DATA = b"a" * 66560
SEED = Signature(
    access_key_id="AKIAIOSFODNN7EXAMPLE",
    date="20130524",
    region="us-east-1",
    service="s3",
    signed_headers=("host",),
    signature="4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    timestamp="20130524T000000Z",
    payload_hash=STREAMING_SIGNED,
)
DOCUMENTED = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    + DATA[:65536]
    + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
    + DATA[65536:]
    + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)
TRAILER_SEED = replace(
    SEED,
    signature="106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    payload_hash=STREAMING_SIGNED_TRAILER,
)
DOCUMENTED_TRAILER = (
    b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
    + DATA[:65536]
    + b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
    + DATA[65536:]
    + b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    b"x-amz-checksum-crc32c:sOO8/Q==\n\r\n"
    b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)


def head(length: int, trailer: str = "") -> RequestHead:
    headers = {"x-amz-decoded-content-length": str(length)}
    if trailer:
        headers["x-amz-trailer"] = trailer
    return RequestHead("PUT", "/b/k", "", headers)


def key_of(signature: Signature) -> bytes:
    return Verifier().signing_key(signature, SECRET)


def signed_decoder() -> ChunkedDecoder:
    return decoder(head(len(DATA)), SEED, key_of(SEED))


def trailer_decoder() -> ChunkedDecoder:
    return decoder(head(len(DATA), "x-amz-checksum-crc32c"), TRAILER_SEED, key_of(TRAILER_SEED))


def plain_decoder(length: int, trailer: str = "") -> ChunkedDecoder:
    return decoder(head(length, trailer), replace(SEED, payload_hash=STREAMING_UNSIGNED_TRAILER), b"")


def decode(chunks: ChunkedDecoder, body: bytes, step: int = 0) -> tuple[bytes, dict[str, str]]:
    pieces = [body[start : start + step] for start in range(0, len(body), step)] if step else [body]
    data = b"".join(chunks.feed(piece) for piece in pieces)
    return data, chunks.finish()


def test_the_documented_example() -> None:
    assert decode(signed_decoder(), DOCUMENTED) == (DATA, {})


def test_the_documented_example_with_a_trailer() -> None:
    data, trailers = decode(trailer_decoder(), DOCUMENTED_TRAILER)
    assert data == DATA
    checksum = checksums.new("x-amz-checksum-crc32c")
    checksum.update(data)
    assert trailers == {"x-amz-checksum-crc32c": checksums.encoded(checksum)}


@pytest.mark.parametrize("step", [1, 7, 87, 1000, 65536])
def test_pieces_of_any_size(step: int) -> None:
    assert decode(signed_decoder(), DOCUMENTED, step) == (DATA, {})
    assert decode(trailer_decoder(), DOCUMENTED_TRAILER, step)[0] == DATA


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400), chunk=st.integers(1, 120), cuts=st.lists(st.integers(1, 50), max_size=40))
def test_what_botocore_encodes_is_decoded_under_any_split(data: bytes, chunk: int, cuts: list[int]) -> None:
    stream = AwsChunkedWrapper(
        io.BytesIO(data), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=chunk
    )
    body = stream.read()
    chunks, out = plain_decoder(len(data), "x-amz-checksum-crc32"), b""
    for cut in cuts:
        out += chunks.feed(body[:cut])
        body = body[cut:]
    out += chunks.feed(body)
    assert out == data
    expected = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    assert chunks.finish() == {"x-amz-checksum-crc32": expected}


def test_a_whole_request_with_signed_chunks_made_by_hand() -> None:
    """Head and chunks signed by the rules: verify, take the key, decode."""
    headers = {
        "host": "localhost",
        "x-amz-content-sha256": STREAMING_SIGNED_TRAILER,
        "x-amz-date": f"{NOW:%Y%m%dT%H%M%SZ}",
        "x-amz-decoded-content-length": "5",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    signed = by_hand(headers)
    accept(signed)
    signature = read_signature(signed.head)
    assert signature is not None
    assert signature.streaming
    key = key_of(signature)
    previous, body = signature.signature, b""
    for piece in (b"hello", b""):
        text = "\n".join(
            [
                "AWS4-HMAC-SHA256-PAYLOAD",
                signature.timestamp,
                signature.scope,
                previous,
                hashlib.sha256(b"").hexdigest(),
                hashlib.sha256(piece).hexdigest(),
            ]
        )
        previous = hmac.digest(key, text.encode(), "sha256").hex()
        body += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + (piece + b"\r\n" if piece else b"")
    trailer = f"x-amz-checksum-crc32:{base64.b64encode(zlib.crc32(b'hello').to_bytes(4, 'big')).decode()}\n".encode()
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256-TRAILER",
            signature.timestamp,
            signature.scope,
            previous,
            hashlib.sha256(trailer).hexdigest(),
        ]
    )
    last = hmac.digest(key, text.encode(), "sha256").hex()
    body += trailer.rstrip() + f"\r\nx-amz-trailer-signature:{last}\r\n\r\n".encode()
    assert decode(decoder(signed.head, signature, key), body)[0] == b"hello"
    forged = body.replace(b"hello", b"hallo")
    with pytest.raises(ApiError, match="does not match"):
        decode(decoder(signed.head, signature, key), forged)


def by_hand(headers: dict[str, str]) -> Signed:
    """A head signed with a declared payload word, as the S3 documentation describes; botocore never sends these."""
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    canonical = f"PUT\n/b/k\n\n{lines}\n{';'.join(names)}\n{STREAMING_SIGNED_TRAILER}"
    scope = f"{NOW:%Y%m%d}/us-east-1/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{NOW:%Y%m%dT%H%M%SZ}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return Signed(RequestHead("PUT", "/b/k", "", headers), b"", "s3")


def refused(chunks: ChunkedDecoder, body: bytes) -> str:
    with pytest.raises(ApiError) as caught:
        decode(chunks, body)
    assert 400 <= caught.value.status < 500
    return caught.value.code


@pytest.mark.parametrize("position", [22, 30, 86, 90, 30000, 65625, 65640, 65700, 66600, 66740])
def test_every_changed_byte_of_signed_chunks_is_noticed(position: int) -> None:
    changed = bytearray(DOCUMENTED)
    changed[position] ^= 1
    assert refused(signed_decoder(), bytes(changed)) in ("SignatureDoesNotMatch", "InvalidRequest", "IncompleteBody")


def test_chunks_cannot_be_left_out_swapped_or_repeated() -> None:
    first, last = DOCUMENTED[: 88 + 65536 + 2], DOCUMENTED[88 + 65536 + 2 :]
    for body in (last, first + first + last, first):
        assert refused(signed_decoder(), body) in ("SignatureDoesNotMatch", "IncompleteBody", "InvalidRequest")
    end = DOCUMENTED[DOCUMENTED.rindex(b"0;chunk") :]
    assert refused(signed_decoder(), first + end) == "SignatureDoesNotMatch"


PIECES = (b"one", b"two", b"six", b"ten", b"")


def chunk_texts(key: bytes, seed: Signature, pieces: Sequence[bytes]) -> list[bytes]:
    """Each piece as a signed chunk."""
    previous, chunks = seed.signature, []
    for piece in pieces:
        sha256 = hashlib.sha256(piece).hexdigest()
        lines = ("AWS4-HMAC-SHA256-PAYLOAD", seed.timestamp, seed.scope, previous, EMPTY_SHA256, sha256)
        previous = hmac.digest(key, "\n".join(lines).encode(), "sha256").hex()
        chunks.append(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(piece), previous.encode(), piece))
    return chunks


def test_signed_chunks_stand_in_one_order_only() -> None:
    """Every other order of chunks of one size, every chunk left out or sent twice, and chunks of another request."""
    key = key_of(SEED)
    chunks = chunk_texts(key, SEED, PIECES)
    assert decode(decoder(head(12), SEED, key), b"".join(chunks)) == (b"onetwosixten", {})
    orders = [order for order in permutations(chunks) if list(order) != chunks]
    left_out = [chunks[:index] + chunks[index + 1 :] for index in range(5)]
    twice = [chunks[:index] + chunks[index - 1 :] for index in range(1, 5)]
    other = chunk_texts(key, replace(SEED, signature="0" * 64), PIECES)
    exchanged = [[*chunks[:index], other[index], *chunks[index + 1 :]] for index in range(5)]
    later = chunk_texts(key, replace(SEED, timestamp="20130524T000001Z"), PIECES)
    bodies = [b"".join(order) for order in (*orders, *left_out, *twice, *exchanged, later)]
    assert len(set(bodies)) == 134
    for body in bodies:
        code = refused(decoder(head(12), SEED, key), body)
        assert code in ("SignatureDoesNotMatch", "IncompleteBody")


def test_signed_chunks_that_end_early_are_noticed_wherever_they_end() -> None:
    body = b"".join(chunk_texts(key_of(SEED), SEED, PIECES))
    for end in range(len(body)):
        assert refused(decoder(head(12), SEED, key_of(SEED)), body[:end]) in (
            "IncompleteBody",
            "SignatureDoesNotMatch",
        )


def test_another_key_seed_or_trailer_is_noticed() -> None:
    wrong_key = decoder(head(len(DATA)), SEED, b"0" * 32)
    assert refused(wrong_key, DOCUMENTED) == "SignatureDoesNotMatch"
    wrong_seed = decoder(head(len(DATA)), replace(SEED, signature="0" * 64), key_of(SEED))
    assert refused(wrong_seed, DOCUMENTED) == "SignatureDoesNotMatch"
    changed = DOCUMENTED_TRAILER.replace(b"sOO8/Q==", b"sOO8/A==")
    assert refused(trailer_decoder(), changed) == "SignatureDoesNotMatch"
    unsigned = DOCUMENTED_TRAILER.replace(b"x-amz-trailer-signature:d", b"x-amz-trailer-signature:e")
    assert refused(trailer_decoder(), unsigned) == "SignatureDoesNotMatch"
    without = DOCUMENTED_TRAILER[: DOCUMENTED_TRAILER.rindex(b"x-amz-trailer-signature")] + b"\r\n"
    assert refused(trailer_decoder(), without) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("body", "trailer", "code"),
    [
        (b"", "", "IncompleteBody"),
        (b"5\r\nhel", "", "IncompleteBody"),
        (b"5\r\nhello\r\n", "", "IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n", "", "IncompleteBody"),
        (b"0\r\n\r\n", "", "IncompleteBody"),
        (b"6\r\nhello!\r\n0\r\n\r\n", "", "IncompleteBody"),
        (b"ffffffffffffff\r\n", "", "IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\nmore", "", "IncompleteBody"),
        (b"-5\r\nhello\r\n", "", "InvalidRequest"),
        (b"0x5\r\nhello\r\n", "", "InvalidRequest"),
        (b"\r\n", "", "InvalidRequest"),
        (b"fffffffffffffffff\r\n", "", "InvalidRequest"),
        (b"4\r\nhello\r\n", "", "InvalidRequest"),
        (b"5" * 2000, "", "InvalidRequest"),
        (b"5;" + b"x" * 2000 + b"\r\n", "", "InvalidRequest"),
        (b"5\r\nhello\r\n0\r\nx-amz-other:1\r\n\r\n", "", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\n\r\n", "x-amz-checksum-crc32", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\na:1\r\na:1\r\n\r\n", "a", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\nnonsense\r\n\r\n", "a", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\na:" + b"x" * 2000, "a", "InvalidRequest"),
    ],
)
def test_malformed_bodies(body: bytes, trailer: str, code: str) -> None:
    assert refused(plain_decoder(5, trailer), body) == code


def test_unsigned_chunks_are_not_enough_where_signed_ones_were_promised() -> None:
    assert refused(decoder(head(5), SEED, key_of(SEED)), b"5\r\nhello\r\n0\r\n\r\n") == "InvalidRequest"


@pytest.mark.parametrize("length", ["", "-1", "five", "1" * 20, "१"])
def test_the_decoded_length_must_be_there(length: str) -> None:
    request = RequestHead("PUT", "/b/k", "", {"x-amz-decoded-content-length": length})
    with pytest.raises(ApiError) as caught:
        decoder(request, SEED, b"")
    assert (caught.value.code, caught.value.status) == ("MissingContentLength", 411)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b"5\r\n", b"hello", b"\r\n", b"0\r\n", b"a:b\r\n"]), max_size=8
    )
)
def test_any_bytes_are_decoded_or_refused(pieces: list[bytes]) -> None:
    chunks = plain_decoder(5, "a")
    try:
        out = b"".join(chunks.feed(piece) for piece in pieces)
        chunks.finish()
    except ApiError:
        return
    assert len(out) == 5
