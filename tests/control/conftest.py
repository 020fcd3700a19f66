"""One control per module: each test makes buckets of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.control.in_process import Control, control_in


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    with control_in(tmp_path_factory.mktemp("control")) as found:
        yield found
