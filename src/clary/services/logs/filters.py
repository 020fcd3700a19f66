"""Filter patterns of FilterLogEvents: terms, phrases, regular expressions, conditions on JSON and on fields.

ERROR timeout        both are in the message         ?ERROR ?WARN    one of them is
"out of memory"      this very text is in it         -DEBUG          it is not
%fold [0-9]+%        a regular expression matches    { $.code >= 500 && $.user = "a*" }
                                                     [..., status >= 500, size]
"""

from __future__ import annotations

import re

from clary.services.logs.comparisons import Filter, matcher
from clary.services.logs.conditions import json_filter
from clary.services.logs.expressions import BadExpression
from clary.services.logs.fields import field_filter
from clary.services.logs.names import invalid_parameter

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)+)%|([^\s"%]\S*))(?=\s|$)', re.DOTALL)


def parse_filter(pattern: str) -> Filter:
    """A function that tells whether a message matches; InvalidParameterException for what is no pattern."""
    text = pattern.strip()
    try:
        if not text:
            return lambda _message: True
        if text.startswith("{"):
            return json_filter(text)
        if text.startswith("["):
            return field_filter(text)
        return _term_filter(text)
    except BadExpression as error:
        raise invalid_parameter(f"Invalid filter pattern: {error}") from None


def _term_filter(text: str) -> Filter:
    needed: list[Filter] = []
    optional: list[Filter] = []
    excluded: list[Filter] = []
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise BadExpression(f"cannot read {text[position : position + 20].strip()!r}")
        position = found.end()
        kind, phrase, quoted, word = found.groups()
        target = {"": needed, "?": optional, "-": excluded}[kind]
        target.append(matcher(quoted) if quoted is not None else _contains(_unescape(phrase, word)))

    def matches(message: str) -> bool:
        if any(test(message) for test in excluded) or not all(test(message) for test in needed):
            return False
        # Beside other terms, CloudWatch does not look at optional ones.
        return bool(needed) or not optional or any(test(message) for test in optional)

    return matches


def _unescape(phrase: str | None, word: str | None) -> str:
    return (word or "") if phrase is None else re.sub(r"\\(.)", r"\1", phrase)


def _contains(part: str) -> Filter:
    return lambda message: part in message
