"""Every row of conditions.txt decides as it says, for an Allow and for a Deny."""

from __future__ import annotations

import pytest

from tests.access.condition_table import Row, rows
from tests.access.documents import allow, deny
from tests.access.test_decisions import ALLOWED, CASES, DENIED, INVOKE, REFUSED, Case, decide

ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_condition(row: Row) -> None:
    allowing = Case("allow", "", [allow(INVOKE, when=row.condition)], context=row.context)
    assert decide(allowing) == (ALLOWED if row.holds else DENIED)
    denying = Case("deny", "", [allow("*"), deny(INVOKE, when=row.condition)], context=row.context)
    assert decide(denying) == (REFUSED if row.holds else ALLOWED)


def test_there_are_enough_decisions() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert len(CASES) + len(ROWS) >= 300
