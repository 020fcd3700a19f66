"""Forms that browsers send (multipart/form-data) with one file at their end, read as they come, without I/O.

Only what S3's form uploads need: some small fields, then the file, whose bytes are handed out at once. What follows
the file is ignored, as S3 does. What the fields mean is not known here: see `form_policies`.
"""

from __future__ import annotations

import enum
import re

from clary.base.errors import ApiError

MOST_FIELD_BYTES = 20 * 1024
"""Of everything before the file; S3 has the same limit."""

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))')
_NAMED = re.compile(r';\s*([A-Za-z*]{1,20})=(?:"([^"]*)"|([^;"\s]*))')
_DISPOSITION = "content-disposition:"


class _State(enum.Enum):
    PREAMBLE = "before the first boundary"
    BOUNDARY_END = "behind a boundary"
    HEADERS = "headers of a field"
    FIELD = "a field"
    FILE = "the file"
    DONE = "behind the file"
    EMPTY = "behind a form without a file"


class FormReader:
    """Feed it the body in pieces. `fields` have lower-case names; `file_name` is without folders."""

    def __init__(self, boundary: str) -> None:
        self.fields: dict[str, str] = {}
        self.file_name = ""
        self._delimiter = b"\r\n--" + boundary.encode("latin-1")
        self._left = bytearray(b"\r\n")  # so that the first boundary is found like all others
        self._state = _State.PREAMBLE
        self._name = ""
        self._before_file = 0

    @property
    def at_file(self) -> bool:
        """All fields are known: the file has begun."""
        return self._state in (_State.FILE, _State.DONE)

    def feed(self, data: bytes) -> bytes:
        """The bytes of the file that `data` completes; raises ApiError when it is not a form."""
        if self._state in (_State.DONE, _State.EMPTY):
            return b""
        self._left += data
        while not self.at_file and self._step():
            pass
        if self._state is _State.FILE:
            return self._take_file()
        if self._before_file + len(self._left) > MOST_FIELD_BYTES:
            raise _too_much()
        return b""

    def finish(self) -> None:
        """Raise unless the body ended as a form with a file does."""
        if self._state is _State.EMPTY:
            text = "POST requires exactly one file upload per request."
            raise ApiError(text, code="IncorrectNumberOfFilesInPostRequest", status=400)
        if self._state is not _State.DONE:
            raise malformed()

    def _step(self) -> bool:
        """Read one piece of the form; False when it has not come yet."""
        if self._state is _State.PREAMBLE:
            return self._cut(self._delimiter, _State.BOUNDARY_END) is not None
        if self._state is _State.BOUNDARY_END:
            return self._end_boundary()
        if self._state is _State.HEADERS:
            headers = self._cut(b"\r\n\r\n", _State.FIELD)
            if headers is not None:
                self._begin(headers)
            return headers is not None
        value = self._cut(self._delimiter, _State.BOUNDARY_END)
        if value is not None:
            self._add(value)
        return value is not None

    def _cut(self, mark: bytes, behind: _State) -> bytes | None:
        end = self._left.find(mark)
        if end < 0:
            return None
        found = bytes(self._left[:end])
        del self._left[: end + len(mark)]
        self._before_file += end + len(mark)
        if self._before_file > MOST_FIELD_BYTES:
            raise _too_much()
        self._state = behind
        return found

    def _end_boundary(self) -> bool:
        """A line end, and a field follows; or `--`, and the form is over without a file."""
        if len(self._left) < 2:
            return False
        if self._left[:2] == b"--":
            self._left.clear()
            self._state = _State.EMPTY
            return False
        if self._left[:2] != b"\r\n":
            raise malformed()
        # The line end stays: then headers end with an empty line also where there are none.
        self._state = _State.HEADERS
        return True

    def _begin(self, headers: bytes) -> None:
        for line in _text(headers).split("\r\n"):
            if line.lower().startswith(_DISPOSITION):
                named = {match[1].lower(): match[2] or match[3] or "" for match in _NAMED.finditer(line)}
                self._name = named.get("name", "").lower()
                if not self._name:
                    break
                if self._name == "file":
                    self._state = _State.FILE
                    self.file_name = re.split(r"[/\\]", named.get("filename", ""))[-1]
                return
        raise malformed()

    def _add(self, value: bytes) -> None:
        if self._name in self.fields:
            raise malformed()
        self.fields[self._name] = _text(value)

    def _take_file(self) -> bytes:
        end = self._left.find(self._delimiter)
        if end >= 0:
            self._state = _State.DONE
        else:
            end = max(0, len(self._left) - len(self._delimiter) + 1)
        data = bytes(self._left[:end])
        if self._state is _State.DONE:
            self._left.clear()
        else:
            del self._left[:end]
        return data


def boundary_of(content_type: str) -> str:
    """The boundary that a Content-Type names."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise malformed()
    return match[1] or match[2]


def malformed() -> ApiError:
    text = "The body of your POST request is not well-formed multipart/form-data."
    return ApiError(text, code="MalformedPOSTRequest", status=400)


def _too_much() -> ApiError:
    text = "Your POST request fields preceding the upload file were too large."
    return ApiError(text, code="MaxPostPreDataLengthExceeded", status=400)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise malformed() from None
