from __future__ import annotations

import re
import sys
import time
import unicodedata
from collections.abc import Iterator
from itertools import chain
from re import _parser as regex_parser  # type: ignore[attr-defined]  # the only way to look inside a pattern
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.wire.catalog import Catalog
from clary.wire.patterns import REWRITES, _translate, pattern

LIMIT_SECONDS = 0.05
# A pattern without a maximum length is tried with this many characters.
UNBOUNDED = 10_000
# S3's parameters are not validated by pattern (see validation).
SERVICES = [name for name in Catalog().services if name != "s3"]


def patterns_of(catalog: Catalog, service: str) -> dict[str, int]:
    """Every pattern of a service with the longest text it may meet."""
    model = catalog.service(service)
    longest: dict[str, int] = {}
    for name in model.shape_names:
        shape = model.shape_for(name)
        source = shape.metadata.get("pattern")
        if source and shape.type_name == "string":
            longest[source] = max(longest.get(source, 1), min(shape.metadata.get("max", UNBOUNDED), UNBOUNDED))
    return longest


def hostile_texts(source: str, length: int) -> Iterator[str]:
    """Beginnings the pattern accepts, then one or two of its own characters over and over, then a misfit."""
    parsed = regex_parser.parse(source)
    characters = list(dict.fromkeys(_characters(parsed)))[:8] or ["a"]
    units = characters + [first + second for first in characters[:4] for second in characters[:4] if first != second]
    starts: list[str] = [""]
    _shortest(parsed, "", starts)
    for start in list(dict.fromkeys(starts))[:12]:
        for unit in units:
            body = (start + unit * length)[: length - 1]
            yield body + "\x01"
            yield body + "\n"


def _sample(item: tuple[Any, Any]) -> str:
    kind, value = str(item[0]), item[1]
    if kind == "LITERAL":
        return chr(value)
    if kind == "RANGE":
        return chr(value[0])
    return {"CATEGORY_DIGIT": "0", "CATEGORY_SPACE": " "}.get(str(value), "a")


def _characters(parsed: Any) -> Iterator[str]:
    for operation, argument in parsed:
        kind = str(operation)
        if kind == "IN":
            yield from (_sample(item) for item in argument if str(item[0]) != "NEGATE")
        elif kind in ("LITERAL", "NOT_LITERAL", "ANY"):
            yield chr(argument) if kind == "LITERAL" else "a"
        elif "REPEAT" in kind:
            yield from _characters(argument[2])
        elif kind == "SUBPATTERN":
            yield from _characters(argument[3])
        elif kind == "BRANCH":
            for branch in argument[1]:
                yield from _characters(branch)
        elif kind.startswith("ASSERT"):
            yield from _characters(argument[1])


def _shortest(parsed: Any, before: str, starts: list[str]) -> str:
    """The shortest text that matches; notes what stands before each repetition."""
    text = ""
    for operation, argument in parsed:
        kind = str(operation)
        if kind == "LITERAL":
            text += chr(argument)
        elif kind in ("NOT_LITERAL", "ANY"):
            text += "a"
        elif kind == "IN":
            text += "a" if str(argument[0][0]) == "NEGATE" else _sample(argument[0])
        elif "REPEAT" in kind:
            starts.append(before + text)
            text += _shortest(argument[2], before + text, starts) * argument[0]
        elif kind == "SUBPATTERN":
            text += _shortest(argument[3], before + text, starts)
        elif kind == "BRANCH":
            text += _shortest(argument[1][0], before + text, starts)
    starts.append(before + text)
    return text


@pytest.mark.parametrize("service", SERVICES)
def test_no_pattern_is_slow_on_hostile_texts(catalog: Catalog, service: str) -> None:
    slow = []
    for source, length in patterns_of(catalog, service).items():
        compiled = pattern(source)
        for text in hostile_texts(_translate(REWRITES.get(source, source), ascii_only=True), length):
            started = time.thread_time()
            compiled.matches(text)
            if time.thread_time() - started > LIMIT_SECONDS:
                slow.append((source, text[:80]))
                break
    assert slow == []


def test_the_hostile_texts_do_find_slow_patterns() -> None:
    """The rewrites exist because of what the generator above finds; short texts are enough to see it grow."""
    source = r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$"
    compiled = re.compile(source)

    def worst(length: int) -> float:
        return max(min(duration(text) for _ in range(3)) for text in hostile_texts(source, length))

    def duration(text: str) -> float:
        started = time.thread_time()
        compiled.fullmatch(text)
        return time.thread_time() - started

    assert worst(20) > 8 * worst(12)


def test_every_rewrite_is_of_a_pattern_in_use(catalog: Catalog) -> None:
    in_use = {source for service in SERVICES for source in patterns_of(catalog, service)}
    assert set(REWRITES) <= in_use


EQUIVALENT = [source for source in REWRITES if "\\p{" not in source and "\\uD800" not in source]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("source", EQUIVALENT)
def test_rewrites_mean_the_same(source: str, data: st.DataObject) -> None:
    original = re.compile(source, re.ASCII)
    starts: list[str] = [""]
    _shortest(regex_parser.parse(source), "", starts)
    characters = sorted({*_characters(regex_parser.parse(source)), "a", "\t", "\n", "/"})
    start = data.draw(st.sampled_from(sorted(set(starts))))
    text = start + data.draw(st.text(alphabet=characters, max_size=9))
    assert pattern(source).matches(text) == (original.fullmatch(text) is not None)


def test_no_character_is_outside_the_planes_that_are_searched() -> None:
    """Beyond them are only private use, surrogates and unassigned code points."""
    outside = chain(range(0x40000, 0xE0000), range(0xE1000, sys.maxunicode + 1))
    assert {unicodedata.category(chr(code)) for code in outside} == {"Cn", "Co"}


@pytest.mark.parametrize(
    ("source", "accepted", "refused"),
    [
        (r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", ["abc", "é", "日本", "a_b!", "€"], ["a b", "", "\n"]),
        (r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}", ["a b:c/d=e+f-g@h", "名 前"], ["a;b", "a\nb"]),
        (r"\A\S[\p{Print}]*\z", ["a", "a b~"], [" a", "a\n", "aé", "a\x7f"]),
        (r"\p{ASCII}*", ["", "a\x00~"], ["é"]),
        (r"arn:[\p{Alnum}\-]+:lambda:.*", ["arn:aws-cn:lambda:x"], ["arn:a_b:lambda:"]),
        (r"[\w-_]*", ["a-b_c", "-"], ["a b", "é"]),
        (
            r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*",
            ["table é \t", "\U0001f600"],
            ["a\nb", "\x01"],
        ),
        (r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*", ["a-b", "A--1"], ["a-", "-a", "a_b", "a\n", "é"]),
        (r"\d+", ["123"], ["१२३"]),
    ],
)
def test_patterns_mean_what_java_means(source: str, accepted: list[str], refused: list[str]) -> None:
    assert [text for text in accepted if not pattern(source).matches(text)] == []
    assert [text for text in refused if pattern(source).matches(text)] == []
