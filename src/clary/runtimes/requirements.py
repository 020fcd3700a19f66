"""Which requirements.txt Clary may install ahead of a job: plain names and versions for the configured index.

Whatever says more than that (other sources, options, paths, addresses, hashes, constraints, editable projects) is the
job's own affair, and so is everything when the job's variables tell an installer where to look. `layers` makes what
is found here. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LONGEST = 32 * 1024
_MOST_LINES = 300
_LONGEST_LINE = 500
_COMMENT = re.compile(r"(?:^|\s)#.*")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,100}[A-Za-z0-9])?"
_VERSION = r"(?:===?|~=|!=|<=?|>=?)\s*[A-Za-z0-9.*+!_-]{1,64}"
_LINE = re.compile(
    rf"{_NAME}\s*(?:\[\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\])?"
    rf"\s*(?:{_VERSION}(?:\s*,\s*{_VERSION})*|\(\s*{_VERSION}(?:\s*,\s*{_VERSION})*\s*\))?"
    r"\s*(?:;[A-Za-z0-9_.<>=!~,()'\" \t-]{1,300})?"
)
_FILES = (".whl", ".zip", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".txt", ".toml", ".py")
_INSTALLERS = ("PIP_", "UV_")
_ROADS = frozenset(
    {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
    | {"CURL_CA_BUNDLE", "NETRC", "CA_REPOSITORY_ARN", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"}
)


def plain_lines(content: bytes) -> str | None:
    """The requirements without comments, one a line; None when they are not plain, or there are none.

    Installers join a line that ends in a backslash with the next one, also where it ends in a comment."""
    if len(content) > LONGEST or not content.isascii() or b"\\" in content:
        return None
    lines = [" ".join(_COMMENT.sub("", line).split()) for line in content.decode("ascii").splitlines()]
    lines = [line for line in lines if line]
    if not 0 < len(lines) <= _MOST_LINES or not all(map(_is_plain, lines)):
        return None
    return "\n".join(lines) + "\n"


def tell_sources(variables: Mapping[str, str]) -> bool:
    """Whether a job's own variables have a say in where packages come from, or how."""
    names = {name.upper() for name in variables}
    return bool(names & _ROADS) or any(name.startswith(_INSTALLERS) for name in names)


def _is_plain(line: str) -> bool:
    """Installers take a name for a file's when there is such a file."""
    if len(line) > _LONGEST_LINE:
        return False
    name = re.split(r"[\s\[(;<>=!~]", line, maxsplit=1)[0]
    return _LINE.fullmatch(line) is not None and not name.lower().endswith(_FILES)
