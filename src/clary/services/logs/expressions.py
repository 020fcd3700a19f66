"""The regular expressions of filter patterns, matched in linear time.

CloudWatch allows a small language: literals, `.`, classes in brackets, `\\d \\s \\w` and their opposites, groups,
`|`, `* + ? {n,m}`, `^` and `$`. Python's own engine can need exponential time for such texts, and both expression
and log line come from users; so they are compiled to a set of states that is walked once per line.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass, field

Test = Callable[[str], bool]

_MOST_STATES = 500
_MOST_MOVES = 2000
_DIGITS = frozenset(string.digits)
_SPACES = frozenset(" \t\n\r\f\v")
_WORDS = frozenset(string.ascii_letters + string.digits + "_")
_CLASSES = {"d": _DIGITS, "s": _SPACES, "w": _WORDS}
_SPECIAL = frozenset("\\^$.|?*+()[]{}")


class BadExpression(ValueError):
    """The text is not an expression of this language, or too large a one."""


@dataclass(slots=True)
class _State:
    """`test` eats a character before the states in `out` are entered; without it they are entered at once."""

    test: Test | None = None
    out: list[int] = field(default_factory=list)
    anchor: str = ""


class Expression:
    """A compiled expression; `search` tells whether it matches anywhere in a text."""

    def __init__(self, text: str) -> None:
        self._states: list[_State] = []
        self._moves: dict[tuple[frozenset[int], str, bool], frozenset[int]] = {}
        self._text = text
        self._at = 0
        start, ends = self._alternatives()
        if self._at < len(text):
            raise BadExpression("unbalanced parenthesis")
        self._start = start
        self._accept = self._new()
        self._join(ends, self._accept)

    def search(self, text: str) -> bool:
        """One pass over the text with the set of states that are possible."""
        last = len(text)
        current = self._enter([self._start], at_start=True, at_end=last == 0)
        for position, character in enumerate(text, 1):
            if self._accept in current:
                return True
            current = self._move(current, character, at_end=position == last)
        return self._accept in current

    def _move(self, current: frozenset[int], character: str, *, at_end: bool) -> frozenset[int]:
        """The states after one more character. Most moves of a log have been seen before."""
        key = (current, character, at_end)
        following = self._moves.get(key)
        if following is None:
            eaten = [self._start]
            for number in current:
                state = self._states[number]
                if state.test is not None and state.test(character):
                    eaten += state.out
            following = self._enter(eaten, at_start=False, at_end=at_end)
            if len(self._moves) >= _MOST_MOVES:
                self._moves.clear()
            self._moves[key] = following
        return following

    def _enter(self, numbers: list[int], *, at_start: bool, at_end: bool) -> frozenset[int]:
        """The states and all that can be reached from them without eating a character."""
        seen: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            state = self._states[number]
            if number in seen or (state.anchor == "^" and not at_start) or (state.anchor == "$" and not at_end):
                continue
            seen.add(number)
            if state.test is None:
                waiting += state.out
        return frozenset(seen)

    def _new(self, test: Test | None = None, anchor: str = "") -> int:
        if len(self._states) >= _MOST_STATES:
            raise BadExpression("the expression is too large")
        self._states.append(_State(test, [], anchor))
        return len(self._states) - 1

    def _join(self, ends: list[int], target: int) -> None:
        for end in ends:
            self._states[end].out.append(target)

    def _alternatives(self, depth: int = 0) -> tuple[int, list[int]]:
        if depth > 20:
            raise BadExpression("too many nested groups")
        start = self._new()
        ends: list[int] = []
        while True:
            first, last = self._sequence(depth)
            self._states[start].out.append(first)
            ends += last
            if not self._take("|"):
                return start, ends

    def _sequence(self, depth: int) -> tuple[int, list[int]]:
        start = self._new()
        ends = [start]
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            begin = self._at
            first, last = self._atom(depth)
            least, most = self._count()
            after = self._at
            ends = self._repeat(ends, (first, last), least, most, begin, depth)
            self._at = after
        return start, ends

    def _repeat(
        self, ends: list[int], piece: tuple[int, list[int]], least: int, most: int | None, begin: int, depth: int
    ) -> list[int]:
        """Chain copies of a piece: the needed ones, then the ones that may be skipped or a loop."""
        if (least, most) == (1, 1):
            self._join(ends, piece[0])
            return piece[1]
        skips: list[int] = []
        for turn in range(max(least, 1) if most is None else most):
            if turn >= least:
                skips += ends
            self._at = begin
            piece = self._atom(depth) if turn else piece
            self._join(ends, piece[0])
            before, ends = piece[0], piece[1]
        if most is None:
            loop = self._new()
            self._join(ends, loop)
            self._states[loop].out.append(before)
            ends = [loop]
        return [*skips, *ends]

    def _count(self) -> tuple[int, int | None]:
        for mark, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(mark):
                return bounds
        if not self._take("{"):
            return 1, 1
        end = self._text.find("}", self._at)
        least, comma, most = self._text[self._at : end].partition(",") if end >= 0 else ("", "", "")
        if not least.isdecimal() or (most and not most.isdecimal()):
            raise BadExpression("a quantifier must look like {2}, {2,} or {2,5}")
        self._at = end + 1
        lowest = int(least[:6])
        highest = (int(most[:6]) if most else None) if comma else lowest
        if highest == 0 or (highest is not None and highest < lowest):
            raise BadExpression("a quantifier must allow something")
        return lowest, highest

    def _atom(self, depth: int) -> tuple[int, list[int]]:
        character = self._text[self._at]
        self._at += 1
        if character == "(":
            start, ends = self._alternatives(depth + 1)
            if not self._take(")"):
                raise BadExpression("unbalanced parenthesis")
            return start, ends
        if character in "^$":
            number = self._new(anchor=character)
        elif character in "*+?{}":
            raise BadExpression(f"nothing to repeat before {character}")
        else:
            number = self._new(self._test(character))
        return number, [number]

    def _test(self, character: str) -> Test:
        if character == ".":
            return lambda _: True
        if character == "[":
            return self._bracket()
        if character == "\\":
            return self._escape()
        return character.__eq__

    def _escape(self) -> Test:
        if self._at >= len(self._text):
            raise BadExpression("a backslash must have something to escape")
        name = self._text[self._at]
        self._at += 1
        if name in _CLASSES:
            return _CLASSES[name].__contains__
        if name.lower() in _CLASSES:
            excluded = _CLASSES[name.lower()]
            return lambda character: character not in excluded
        if name == "x":
            return self._hexadecimal().__eq__
        if name.isalnum():
            raise BadExpression(f"\\{name} is not supported")
        return name.__eq__

    def _hexadecimal(self) -> str:
        digits = self._text[self._at : self._at + 2]
        if len(digits) != 2 or any(digit not in string.hexdigits for digit in digits):
            raise BadExpression("\\x needs two hexadecimal digits")
        self._at += 2
        return chr(int(digits, 16))

    def _bracket(self) -> Test:
        negated = self._take("^")
        tests: list[Test] = []
        first = True
        while first or not self._take("]"):
            first = False
            if self._at >= len(self._text):
                raise BadExpression("unbalanced bracket")
            tests.append(self._bracket_item())
        return lambda character: any(test(character) for test in tests) != negated

    def _bracket_item(self) -> Test:
        character = self._text[self._at]
        self._at += 1
        if character == "\\":
            return self._escape()
        following = self._text[self._at : self._at + 2]
        if len(following) == 2 and following[0] == "-" and following[1] not in "]\\":
            self._at += 2
            low, high = character, following[1]
            if high < low:
                raise BadExpression("a range in brackets must ascend")
            return lambda candidate: low <= candidate <= high
        return character.__eq__

    def _take(self, character: str) -> bool:
        if self._text.startswith(character, self._at):
            self._at += 1
            return True
        return False
