"""The regular expressions of the service models, which are Java's, as Python's.

Java matches the whole text, and its \\w, \\d and \\s are ASCII. Some patterns use classes Python does not have; they
are translated. A few would take seconds on a hostile text; those have an equivalent here by name, and a test runs
every pattern of every service against hostile texts of its maximum length.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain

# Left: as in the model. Right: the same language without ambiguity (or what the author must have meant).
REWRITES = {
    # events: header names and values. "Spaces, words, spaces" where words may hold spaces: any text with a word.
    r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$": (
        r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*"
    ),
    r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$": r"\t*[\x20-\x7E][\t\x20-\x7E]*",
    # organizations: the first colon behind the first character will do.
    r"^arn:aws:organizations::.+:.+": r"arn:aws:organizations::.[^:\n]*:.+",
    # ecr: repository filters. No two separators in a row.
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
    # sagemaker: one repetition already takes any length.
    r"[a-z0-9]([-a-z0-9]*[a-z0-9]){0,39}?": r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?",
    # sagemaker RepositoryUrl: at least three characters, no two slashes in a row.
    r"https://([.\-_a-zA-Z0-9]+/?){3,1016}": (
        r"https://(?=(?:[.\-_a-zA-Z0-9]/?){3})[.\-_a-zA-Z0-9]+(?:/[.\-_a-zA-Z0-9]+)*/?"
    ),
    # sagemaker PipelineNameOrArn: behind an ARN's `.*` only the last character matters.
    r"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:([0-9]{12}|aws):pipeline/.*)?([a-zA-Z0-9](-*[a-zA-Z0-9]){0,255})": (
        r"arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:(?:[0-9]{12}|aws):pipeline/.*[a-zA-Z0-9]"
        r"|[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,255}"
    ),
    # sagemaker DeviceArn: the last class holds everything the optional part before it may be.
    r"arn:aws[a-z\-]*:[a-z\-]*:[a-z\-]*:\d{12}:[a-z\-]*/?[a-zA-Z_0-9+=,.@\-_/]+": (
        r"arn:aws[a-z\-]*:[a-z\-]*:[a-z\-]*:\d{12}:[a-zA-Z_0-9+=,.@\-/]+"
    ),
    # sagemaker metadata: a quantifier behind the end of the text; the length is in min and max anyway.
    r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}": r"[\p{L}\p{Z}\p{N}_.:\/=+\-@]*",
    r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}": r"[\p{L}\p{Z}\p{N}_.:\/=+\-@]*",
    # surrogate pairs, as Java counts characters, are the characters beyond U+FFFF here
    r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*": (
        r"[\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF\t]*"
    ),
    r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*": (
        r"[\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF\r\n\t]*"
    ),
}

# The ASCII part of the classes \p{...}, as the inside of a character class.
_ASCII_CLASSES = {
    "L": "A-Za-z",
    "M": "",
    "N": "0-9",
    "P": r"!-#%-*,-/:;?@\[-\]_{}",
    "S": r"$+<=>\^`|~",
    "Z": " ",
    "Zs": " ",
}
_POSIX_CLASSES = {"Alnum": "A-Za-z0-9", "ASCII": r"\x00-\x7F", "Print": r"\x20-\x7E"}


class Pattern:
    """A compiled pattern; texts beyond ASCII cost more the first time a process sees one."""

    __slots__ = ("_ascii", "_translated")

    def __init__(self, source: str) -> None:
        self._translated = REWRITES.get(source, source)
        self._ascii = re.compile(_translate(self._translated, ascii_only=True), re.ASCII)

    def matches(self, text: str) -> bool:
        if text.isascii() or r"\p" not in self._translated:
            return self._ascii.fullmatch(text) is not None
        return _unicode(self._translated).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def pattern(source: str) -> Pattern:
    """The pattern of a model, compiled once."""
    return Pattern(source)


@lru_cache(maxsize=256)
def _unicode(source: str) -> re.Pattern[str]:
    return re.compile(_translate(source, ascii_only=False), re.ASCII)


def _translate(source: str, *, ascii_only: bool) -> str:
    r"""Replace \p{...} and \z, and escape a hyphen behind a class such as \w inside brackets."""
    out: list[str] = []
    in_class = False
    position = 0
    while position < len(source):
        piece = source[position : position + (2 if source[position] == "\\" else 1)]
        if piece == r"\p":
            piece = source[position : source.index("}", position) + 1]
            inside = _class(piece[3:-1], ascii_only=ascii_only)
            out.append(inside if in_class else f"[{inside}]")
        elif piece == r"\z":
            out.append(r"\Z")
        else:
            in_class = piece == "[" or (in_class and piece != "]")
            out.append(piece)
            if in_class and piece in (r"\w", r"\d", r"\s") and source[position + 2 : position + 3] == "-":
                out.append("\\")
        position += len(piece)
    return "".join(out)


def _class(name: str, *, ascii_only: bool) -> str:
    if name in _POSIX_CLASSES:
        return _POSIX_CLASSES[name]
    return _ASCII_CLASSES[name] if ascii_only else _unicode_classes()[name]


@lru_cache(maxsize=1)
def _unicode_classes() -> dict[str, str]:
    """The ranges of every general category in use; some 50 ms, once. Planes 4 to 13 hold no characters."""
    ranges: dict[str, list[list[int]]] = {name: [] for name in _ASCII_CLASSES}
    for code in chain(range(0x40000), range(0xE0000, 0xE1000)):
        category = unicodedata.category(chr(code))
        for name in (category[0], category):
            spans = ranges.get(name)
            if spans is None:
                continue
            if spans and spans[-1][1] == code - 1:
                spans[-1][1] = code
            else:
                spans.append([code, code])
    return {name: "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in spans) for name, spans in ranges.items()}
