"""`python -m tests.conformance FOLDER`: one line for each corpus; status 1 when a case fails that has no name."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conformance.exceptions import NOT_SPOKEN
from tests.conformance.report import tallies


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: scripts/check-protocols FOLDER (a checkout of botocore's repository)", file=sys.stderr)
        return 2
    found = tallies(Path(sys.argv[1]))
    if not found:
        print("no cases below tests/unit/protocols and tests/unit/auth of that folder", file=sys.stderr)
        return 2
    for tally in found:
        print(*tally.lines(), sep="\n")
    print(f"not run, for no served service speaks it: {', '.join(sorted(NOT_SPOKEN))}")
    return 1 if any(tally.failed for tally in found) else 0


if __name__ == "__main__":
    sys.exit(main())
