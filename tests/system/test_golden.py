"""Each wrong request is refused as the table says: same status, same code, same words. Nothing else is looked at.

A row is `[operation, situation, request, caller, status, code, text]`. Words between angle brackets stand for what
`World` has made. `…` in a text stands for anything; it is used only for what differs from run to run.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.exceptions import ClientError

from clary.control.dispatch import OPERATIONS, SERVED_BY_DOORS
from tests.server import Server, eventually
from tests.system.golden.world import World

TABLE: dict[str, list[list[Any]]] = json.loads((Path(__file__).parent / "golden" / "table.json").read_text())
LEAST_ROWS = 550


@pytest.fixture(scope="module")
def world(server: Server) -> World:
    world = World(server)
    eventually(world.ended, 60)
    return world


@pytest.mark.parametrize("service", TABLE)
def test_wrong_requests_are_refused_in_these_words(world: World, service: str) -> None:
    wrong = []
    for operation, situation, request, caller, status, code, text in TABLE[service]:
        answered = answer(world.client(service, caller), operation, filled(request, world.places))
        expected = status, code, filled(text, world.places)
        if answered[:2] != expected[:2] or not matches(expected[2], answered[2]):
            wrong.append((operation, situation, expected, answered))
    assert not wrong, "\n".join(map(str, wrong))


def test_the_table_is_large_and_names_each_case_once() -> None:
    cases = [(service, *row[:2], row[3]) for service, rows in TABLE.items() for row in rows]
    assert len(cases) == len(set(cases)) >= LEAST_ROWS
    served = {(service, name) for service, names in [*OPERATIONS.items(), *SERVED_BY_DOORS.items()] for name in names}
    assert {case[:2] for case in cases} <= served


def answer(client: Any, operation: str, request: dict[str, Any]) -> tuple[int, str, str]:
    try:
        done = getattr(client, botocore.xform_name(operation))(**request)
    except ClientError as error:
        told = error.response["Error"]
        return error.response["ResponseMetadata"]["HTTPStatusCode"], told["Code"], told["Message"]
    return done["ResponseMetadata"]["HTTPStatusCode"], "", "nothing was refused"


def filled(value: Any, places: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: filled(item, places) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, places) for item in value]
    if not isinstance(value, str):
        return value
    whole = value.strip("<>")
    if value == f"<{whole}>":
        return places[whole]
    return re.sub("<([a-z]+)>", lambda found: str(places[found[1]]), value)


def matches(expected: str, told: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), told, re.DOTALL) is not None
