"""Writing a streamed body to a file below the blobs folder, hashing and un-chunking it on the way."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import BinaryIO

from clary.base.errors import ApiError
from clary.control.call import Call
from clary.store.blobs import Blobs, Incoming
from clary.wire import checksums
from clary.wire.chunked import ChunkedDecoder, decoder
from clary.wire.error_codes import CredentialFault, fault
from clary.wire.sigv4 import Signature, unsigned

_PREFIX = "x-amz-checksum-"


class SpoolOpener:
    """Opens a spool for a call whose caller is known."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def __call__(self, call: Call) -> Spool:
        """For the body of the call."""
        signature = call.signature or unsigned(call.head)
        decode = decoder(call.head, signature, call.signing_key) if signature.streaming else None
        return Spool(self._blobs, call.head.headers, signature, decode)

    def of_file(self, headers: Mapping[str, str]) -> Spool:
        """For a file that is only a part of a body."""
        return Spool(self._blobs, headers)


class Spool:
    """One body on its way to disk. `write` pieces, then `finish`; `discard` when anything goes wrong."""

    def __init__(
        self,
        blobs: Blobs,
        headers: Mapping[str, str],
        signature: Signature | None = None,
        decode: ChunkedDecoder | None = None,
    ) -> None:
        self._declared = signature.payload_hash if signature and signature.declares_body_hash else ""
        self._headers = headers
        self._decoder = decode
        self._path = blobs.new_incoming_path()
        self._file: BinaryIO = self._path.open("xb")
        self._size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if self._declared else None
        self._running = {name: checksums.new(name) for name in _wanted(headers)}

    def write(self, piece: bytes) -> None:
        data = self._decoder.feed(piece) if self._decoder else piece
        self._file.write(data)
        self._size += len(data)
        self._md5.update(data)
        if self._sha256 is not None:
            self._sha256.update(data)
        for running in self._running.values():
            running.update(data)

    def finish(self, piece: bytes) -> Incoming:
        """The last piece; everything the client declared about the body is compared here."""
        self.write(piece)
        trailers = self._decoder.finish() if self._decoder else {}
        self._file.close()
        if self._sha256 is not None and not hmac.compare_digest(self._sha256.hexdigest(), self._declared):
            raise fault("s3", CredentialFault.BODY_MISMATCH)
        values = {name: checksums.encoded(running) for name, running in self._running.items()}
        for name, value in values.items():
            declared = trailers.get(name) or self._headers.get(name)
            if declared is not None and declared != value:
                algorithm = name.removeprefix(_PREFIX).upper()
                raise ApiError(
                    f"The {algorithm} you specified did not match the calculated checksum.",
                    code="BadDigest",
                    status=400,
                )
        named = {name.removeprefix(_PREFIX).upper(): value for name, value in values.items()}
        return Incoming(self._path, self._size, self._md5.digest(), named)

    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _wanted(headers: Mapping[str, str]) -> set[str]:
    """Checksum headers that the request gives, announces as trailers, or asks for by algorithm."""
    announced = {name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")}
    given = {name for name in headers if name.startswith(_PREFIX)}
    algorithm = headers.get("x-amz-sdk-checksum-algorithm", "").lower()
    return ({f"{_PREFIX}{algorithm}"} | announced | given) & set(checksums.HEADERS) - {"content-md5"}
