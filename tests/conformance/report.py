"""Running the cases of a checkout, and the lines that say how it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance import inputs, outputs, signatures
from tests.conformance.corpora import cases
from tests.conformance.exceptions import EXCEPTIONS, NOT_SPOKEN

Exceptions = Mapping[tuple[str, str], Mapping[str, str]]


@dataclass
class Tally:
    """The cases of one corpus in one direction."""

    corpus: str
    direction: str
    known: Mapping[str, str]
    total: int = 0
    excepted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def count(self, name: str, difference: str) -> None:
        """Take in one case."""
        self.total += 1
        if difference and name in self.known:
            self.excepted.append(name)
        elif difference:
            self.failed.append(f"{name}: {difference}")
        elif name in self.known:
            self.failed.append(f"{name}: is named as an exception and passes")

    def lines(self) -> Iterator[str]:
        passed = self.total - len(self.excepted) - len(self.failed)
        text = f"{self.corpus} {self.direction}: {self.total} cases, {passed} passed"
        yield text + (f", {len(self.excepted)} named exceptions" if self.excepted else "")
        yield from (f"    {name}: {self.known[name]}" for name in self.excepted)
        yield from (f"  FAILED {text}" for text in self.failed)


def tallies(checkout: Path, exceptions: Exceptions = EXCEPTIONS) -> list[Tally]:
    """Everything below the folder of a checkout of botocore's repository."""
    found: dict[tuple[str, str], Tally] = {}

    def tally(corpus: str, direction: str) -> Tally:
        key = (corpus, direction)
        return found.setdefault(key, Tally(corpus, direction, exceptions.get(key, {})))

    for case in cases(checkout / "tests" / "unit" / "protocols"):
        if case.protocol not in NOT_SPOKEN:
            check = inputs.difference if case.direction == "input" else outputs.difference
            tally(case.corpus, case.direction).count(case.name, check(case))
    for signed in signatures.signed_cases(checkout / "tests" / "unit" / "auth" / "aws4_testsuite"):
        tally("sigv4", "suite").count(signed.name, signatures.difference(signed))
    return list(found.values())
