"""Which bytes a GET asks for: a Range header or a part number, as arithmetic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from clary.base.errors import ApiError
from clary.services.s3 import errors

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)
_COPY_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Window:
    """`length` bytes from `start` on; `partial` means the answer is 206 with a Content-Range."""

    start: int
    length: int
    partial: bool

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def window(header: str | None, part: int | None, size: int, part_sizes: Sequence[int]) -> Window:
    """The bytes to answer with; InvalidRange or InvalidPartNumber when there are none."""
    if header is not None and part is not None:
        raise errors.invalid_request("Cannot specify both Range header and partNumber query parameter")
    if part is not None:
        return _part_window(part, size, part_sizes)
    return Window(0, size, False) if header is None else _range_window(header, size)


def copy_window(header: str | None, size: int) -> Window:
    """The bytes of x-amz-copy-source-range, which must lie inside the source."""
    if header is None:
        return Window(0, size, False)
    found = _COPY_RANGE.fullmatch(header)
    if not found or int(found[1]) > int(found[2]):
        message = "The x-amz-copy-source-range value must be of the form bytes=first-last"
        raise errors.invalid_argument(message, "x-amz-copy-source-range", header)
    first, last = int(found[1]), int(found[2])
    if last >= size:
        message = f"Range specified is not valid for source object of size: {size}"
        raise errors.invalid_argument(message, "x-amz-copy-source-range", header)
    return Window(first, last - first + 1, True)


def _range_window(header: str, size: int) -> Window:
    found = _RANGE.fullmatch(header) if len(header) <= _LONGEST + len("bytes=-") else None
    if not found or not (found[1] or found[2]):
        return Window(0, size, False)  # several ranges and what is no range at all: the whole object
    if not found[1]:
        start, end = max(size - int(found[2]), 0), size
        satisfiable = int(found[2]) > 0 and size > 0
    else:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return Window(0, size, False)
        satisfiable = start < size
    if not satisfiable:
        raise ApiError(
            "The requested range is not satisfiable",
            code="InvalidRange",
            status=416,
            RangeRequested=header,
            ActualObjectSize=str(size),
        )
    return Window(start, end - start, True)


def _part_window(part: int, size: int, part_sizes: Sequence[int]) -> Window:
    sizes = part_sizes or [size]
    if not 1 <= part <= 10_000:
        message = "Part number must be an integer between 1 and 10000, inclusive"
        raise errors.invalid_argument(message, "partNumber", part)
    if part > len(sizes):
        message = "The requested partnumber is not satisfiable"
        raise ApiError(
            message,
            code="InvalidPartNumber",
            status=416,
            PartNumberRequested=str(part),
            ActualPartCount=str(len(sizes)),
        )
    return Window(sum(sizes[: part - 1]), sizes[part - 1], size > 0)
