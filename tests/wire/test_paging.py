from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.base.errors import ValidationException
from clary.wire.paging import Pager

PAGER = Pager(b"k" * 32)
ALPHABET = string.ascii_letters + string.digits + "-_"


def refused(token: str, operation: str = "ListModels", scope: str = "123/us-east-1", pager: Pager = PAGER) -> bool:
    with pytest.raises(ValidationException, match=r"^Invalid NextToken"):
        pager.decode(operation, scope, token)
    return True


@given(st.lists(st.none() | st.integers() | st.text() | st.booleans()), st.text(), st.text())
def test_a_position_comes_back(position: list[object], operation: str, scope: str) -> None:
    operation = operation.encode("utf-8", "replace").decode()
    assert PAGER.decode(operation, scope, PAGER.encode(operation, scope, position)) == position


def test_tokens_of_other_lists_scopes_and_keys_are_refused() -> None:
    token = PAGER.encode("ListModels", "123/us-east-1", ["a", 1])
    assert PAGER.decode("ListModels", "123/us-east-1", token) == ["a", 1]
    refused(token, operation="ListEndpoints")
    refused(token, scope="456/us-east-1")
    refused(token, operation="ListModels1", scope="23/us-east-1")
    refused(token, pager=Pager(b"j" * 32))


def test_every_changed_character_is_noticed() -> None:
    token = PAGER.encode("ListModels", "123/us-east-1", ["a", 1])
    for index, character in enumerate(token):
        for other in (ALPHABET[(ALPHABET.index(character) + step) % 64] for step in (1, 13, 63)):
            refused(token[:index] + other + token[index + 1 :])
    for changed in (token[:-1], token + "A", token + "=", token[4:], " " + token, token.swapcase()):
        refused(changed)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_invented_tokens_are_refused(token: str) -> None:
    refused(token)


def test_a_huge_token_is_refused() -> None:
    refused("A" * 100_000)
