"""Checksums of objects and of objects made of parts: pure arithmetic on values that control has computed.

A COMPOSITE checksum is the checksum of the parts' checksums. A FULL_OBJECT checksum of a CRC can be put together
from those of the parts, because a CRC of two texts follows from their CRCs and the length of the second.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from clary.base.errors import ApiError
from clary.services.s3 import errors
from clary.wire import checksums as wire_checksums

COMPOSITE, FULL_OBJECT = "COMPOSITE", "FULL_OBJECT"
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
_POLYNOMIALS = {"CRC32": (32, 0xEDB88320), "CRC32C": (32, 0x82F63B78), "CRC64NVME": (64, 0x9A6C9329AC4BC9B5)}


def new(algorithm: str) -> wire_checksums.Checksum:
    """A running checksum of one of ALGORITHMS."""
    return wire_checksums.new(f"x-amz-checksum-{algorithm.lower()}")


def encoded(checksum: wire_checksums.Checksum) -> str:
    """In base64, as headers carry it."""
    return wire_checksums.encoded(checksum)


def member(algorithm: str) -> str:
    """The wire's name of a checksum, such as ChecksumCRC32."""
    return f"Checksum{algorithm}"


def members(values: Mapping[str, str]) -> dict[str, str]:
    """Checksums as members of a response."""
    return {member(algorithm): value for algorithm, value in values.items()}


def claimed(request: Mapping[str, Any], algorithm: str) -> str | None:
    """The value that a request gives for an algorithm."""
    value: str | None = request.get(member(algorithm))
    return value


def choose(request: Mapping[str, Any]) -> tuple[str, str]:
    """Algorithm and type that CreateMultipartUpload asks for; empty texts for none."""
    algorithm = str(request.get("ChecksumAlgorithm", "")).upper()
    kind = request.get("ChecksumType")
    if not algorithm:
        if kind:
            raise errors.invalid_request("The x-amz-checksum-type header can only be used with an algorithm.")
        return "", ""
    if algorithm not in ALGORITHMS:
        raise errors.not_implemented(f"Clary does not compute the checksum {algorithm}.")
    kind = kind or (FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE)
    if (kind == COMPOSITE and algorithm == "CRC64NVME") or (kind == FULL_OBJECT and algorithm not in _POLYNOMIALS):
        raise errors.invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return algorithm, kind


def of_parts(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> str:
    """The checksum of an object from the (base64 checksum, size) of its parts."""
    if kind == COMPOSITE:
        whole = new(algorithm)
        for value, _ in parts:
            whole.update(base64.b64decode(value))
        return f"{encoded(whole)}-{len(parts)}"
    width, polynomial = _POLYNOMIALS[algorithm]
    register = 0
    for value, size in parts:
        register = combine(register, int.from_bytes(base64.b64decode(value), "big"), size, width, polynomial)
    return base64.b64encode(register.to_bytes(width // 8, "big")).decode()


def combine(first: int, second: int, second_length: int, width: int, polynomial: int) -> int:
    """The CRC of a text from the CRCs of its two halves (reflected CRCs with inverted start and end)."""
    return _shift(first, second_length, width, polynomial) ^ second


def _shift(register: int, length: int, width: int, polynomial: int) -> int:
    """Move a CRC over `length` zero bytes: multiply it by a matrix that is squared for every binary digit."""
    matrix = [polynomial] + [1 << n for n in range(width - 1)]  # one zero bit
    for _ in range(3):
        matrix = [_times(matrix, column) for column in matrix]  # one zero byte
    while length:
        if length & 1:
            register = _times(matrix, register)
        length >>= 1
        matrix = [_times(matrix, column) for column in matrix]
    return register


def _times(matrix: Sequence[int], vector: int) -> int:
    result = 0
    for column in matrix:
        if vector & 1:
            result ^= column
        vector >>= 1
        if not vector:
            break
    return result


def check_md5(declared: str | None, actual: bytes) -> None:
    """Compare Content-MD5 with what arrived."""
    if declared is None:
        return
    try:
        expected = base64.b64decode(declared, validate=True)
    except (binascii.Error, ValueError):
        expected = b""
    if len(expected) != 16:
        raise ApiError(
            "The Content-MD5 you specified was invalid.",
            code="InvalidDigest",
            status=400,
            **{"Content-MD5": declared},
        )
    if expected != actual:
        raise ApiError(
            "The Content-MD5 you specified did not match what we received.",
            code="BadDigest",
            status=400,
            ExpectedDigest=declared,
            CalculatedDigest=base64.b64encode(actual).decode(),
        )
