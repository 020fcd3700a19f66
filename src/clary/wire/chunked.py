"""The aws-chunked content encoding, without I/O: bytes as they come from the socket in, the object's bytes out.

Three kinds exist (`sigv4.STREAMING`): every chunk signed, every chunk and the trailers signed, and unsigned chunks
with trailers. Bytes are given out before the signature behind them could be checked, so nothing may be kept before
`finish` has returned. Checksums in trailers are the caller's to compare (`checksums`).
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import re
from dataclasses import dataclass

from clary.base.errors import ApiError
from clary.wire.http import RequestHead
from clary.wire.sigv4 import (
    EMPTY_SHA256,
    STREAMING_SIGNED,
    STREAMING_UNSIGNED_TRAILER,
    Signature,
)

_MAX_LINE = 1024  # of a chunk header or trailer
_MAX_TRAILERS = 16
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})(?:;(.*))?")
_CHUNK_SIGNATURE = re.compile(rb"chunk-signature=([0-9a-f]{64})")
_TRAILER = re.compile(rb"([A-Za-z0-9-]+):(.*)")
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class ChunkSigner:
    """The chain of signatures through a body: each signs the one before. `key` is `Verifier.signing_key`'s."""

    __slots__ = ("_key", "_previous", "_scope")

    def __init__(self, signature: Signature, key: bytes) -> None:
        self._key = key
        self._scope = f"{signature.timestamp}\n{signature.scope}"
        self._previous = signature.signature

    def check_chunk(self, sha256: str, given: str) -> None:
        self._check(f"AWS4-HMAC-SHA256-PAYLOAD\n{self._scope}\n{self._previous}\n{EMPTY_SHA256}\n{sha256}", given)

    def check_trailers(self, canonical: bytes, given: str) -> None:
        sha256 = hashlib.sha256(canonical).hexdigest()
        self._check(f"AWS4-HMAC-SHA256-TRAILER\n{self._scope}\n{self._previous}\n{sha256}", given)

    def _check(self, to_sign: str, given: str) -> None:
        expected = hmac.digest(self._key, to_sign.encode(), "sha256").hex()
        if not hmac.compare_digest(expected, given):
            text = "The request signature we calculated does not match the signature you provided."
            raise ApiError(text, code="SignatureDoesNotMatch", status=403)
        self._previous = expected


class _State(enum.Enum):
    HEADER = "chunk header"
    DATA = "data"
    DATA_END = "line end behind data"
    TRAILER = "trailer"
    DONE = "done"


@dataclass(slots=True)
class _Chunk:
    left: int
    signature: str
    sha256: hashlib._Hash


class ChunkedDecoder:
    """Decodes one body. `decoded_length` is what the client announced; `trailers` the names it announced."""

    def __init__(
        self,
        decoded_length: int,
        *,
        signer: ChunkSigner | None = None,
        trailers: frozenset[str] | None = None,
    ) -> None:
        self._expected = decoded_length
        self._signer = signer
        self._announced = trailers
        self._state = _State.HEADER
        self._line = bytearray()
        self._chunk = _Chunk(0, "", hashlib.sha256())
        self._decoded = 0
        self._trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> bytes:
        """The decoded bytes that `data` completes; raises ApiError when it breaks the format or a signature."""
        out: list[bytes] = []
        position = 0
        while position < len(data):
            if self._state is _State.DATA:
                position = self._take_data(data, position, out)
            elif self._state is _State.DONE:
                raise _incomplete("there are bytes behind the end of the body")
            else:
                position = self._take_line(data, position)
        return b"".join(out)

    def finish(self) -> dict[str, str]:
        """The trailers, with lower-case names, when the body has ended as it should."""
        if self._state is not _State.DONE or self._decoded != self._expected:
            raise _incomplete("the body ended too early")
        return dict(self._trailers)

    def _take_data(self, data: bytes, position: int, out: list[bytes]) -> int:
        piece = data[position : position + self._chunk.left]
        out.append(piece)
        self._decoded += len(piece)
        self._chunk.left -= len(piece)
        if self._signer is not None:
            self._chunk.sha256.update(piece)
        if self._chunk.left == 0:
            self._end_chunk()
            self._state = _State.DATA_END
        return position + len(piece)

    def _end_chunk(self) -> None:
        if self._signer is not None:
            self._signer.check_chunk(self._chunk.sha256.hexdigest(), self._chunk.signature)

    def _take_line(self, data: bytes, position: int) -> int:
        """Collect up to the next line feed, then act on the line."""
        end = data.find(b"\n", position)
        stop = len(data) if end < 0 else end + 1
        self._line += data[position : min(stop, position + _MAX_LINE + 1)]
        if len(self._line) > _MAX_LINE:
            raise _malformed("a line is too long")
        if self._line.endswith(b"\r\n"):
            line = bytes(self._line[:-2])
            self._line.clear()
            self._act(line)
        return stop

    def _act(self, line: bytes) -> None:
        if self._state is _State.DATA_END:
            if line:
                raise _malformed("a chunk is longer than announced")
            self._state = _State.HEADER
        elif self._state is _State.HEADER:
            self._begin_chunk(line)
        elif line:
            self._add_trailer(line.strip(b"\n"))
        else:
            self._end_trailers()

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise _malformed("a chunk header is not valid")
        size = int(match[1], 16)
        signature = _CHUNK_SIGNATURE.fullmatch(match[2] or b"")
        if self._signer is not None and signature is None:
            raise _malformed("a chunk is not signed")
        if self._decoded + size > self._expected:
            raise _incomplete("the body is longer than announced")
        self._chunk = _Chunk(size, signature[1].decode() if signature else "", hashlib.sha256())
        if size:
            self._state = _State.DATA
        else:
            self._end_chunk()
            self._state = _State.TRAILER

    def _add_trailer(self, line: bytes) -> None:
        match = _TRAILER.fullmatch(line)
        if match is None or len(self._trailers) >= _MAX_TRAILERS:
            raise _bad_trailer()
        name = match[1].decode().lower()
        announced = self._announced or frozenset()
        if name in self._trailers or (name not in announced and name != _TRAILER_SIGNATURE):
            raise _bad_trailer()
        self._trailers[name] = match[2].strip().decode("utf-8", "replace")

    def _end_trailers(self) -> None:
        given = self._trailers.pop(_TRAILER_SIGNATURE, "")
        if self._announced is not None:
            if set(self._trailers) != self._announced:
                raise _bad_trailer()
            if self._signer is not None:
                canonical = "".join(f"{name}:{value}\n" for name, value in self._trailers.items())
                self._signer.check_trailers(canonical.encode(), given)
        self._state = _State.DONE


def decoder(head: RequestHead, signature: Signature, key: bytes) -> ChunkedDecoder:
    """The decoder for a request whose `signature.streaming` is true; `key` is `Verifier.signing_key`'s."""
    length = head.headers.get("x-amz-decoded-content-length", "")
    if not (length.isascii() and length.isdigit() and len(length) <= 15):
        text = "You must provide the Content-Length HTTP header."
        raise ApiError(text, code="MissingContentLength", status=411)
    names = frozenset(
        name.strip().lower() for name in head.headers.get("x-amz-trailer", "").split(",") if name.strip()
    )
    return ChunkedDecoder(
        int(length),
        signer=None if signature.payload_hash == STREAMING_UNSIGNED_TRAILER else ChunkSigner(signature, key),
        trailers=None if signature.payload_hash == STREAMING_SIGNED else names,
    )


def _incomplete(reason: str) -> ApiError:
    text = f"You did not provide the number of bytes specified by the x-amz-decoded-content-length header: {reason}"
    return ApiError(text, code="IncompleteBody", status=400)


def _malformed(reason: str) -> ApiError:
    return ApiError(f"The aws-chunked body is malformed: {reason}", code="InvalidRequest", status=400)


def _bad_trailer() -> ApiError:
    text = "The request contained trailing data that was not well-formed or did not conform to our published schema."
    return ApiError(text, code="MalformedTrailerError", status=400)
