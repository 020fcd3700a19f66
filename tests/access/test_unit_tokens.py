"""Tokens of running units: genuine ones open, everything else is refused."""

from __future__ import annotations

import string

import pytest

from clary.access.unit_tokens import mint_unit_token, open_unit_token
from clary.base.errors import AccessDenied

KEY = "00" * 32
ROLE = "arn:aws:iam::111122223333:role/r"
TOKEN = mint_unit_token(KEY, "unit-1", ROLE, "AROA1")


def opens(token: str, key: str = KEY) -> bool:
    try:
        open_unit_token(key, token)
    except AccessDenied:
        return False
    return True


def test_round_trip() -> None:
    assert open_unit_token(KEY, TOKEN) == ("unit-1", ROLE, "AROA1")


def test_tokens_belong_to_unit_role_and_installation() -> None:
    assert mint_unit_token(KEY, "unit-2", ROLE, "AROA1") != TOKEN
    assert mint_unit_token(KEY, "unit-1", ROLE + "2", "AROA1") != TOKEN
    assert mint_unit_token(KEY, "unit-1", ROLE, "AROA2") != TOKEN
    assert not opens(TOKEN, "11" * 32)


def test_every_changed_character_is_refused() -> None:
    accepted = [
        TOKEN[:position] + replacement + TOKEN[position + 1 :]
        for position, original in enumerate(TOKEN)
        for replacement in string.ascii_letters + string.digits + "-_=."
        if replacement != original and opens(TOKEN[:position] + replacement + TOKEN[position + 1 :])
    ]
    assert accepted == []


@pytest.mark.parametrize("token", ["", ".", "a", "a.b", TOKEN + "A", TOKEN[:-1], TOKEN.replace(".", ""), "é.é"])
def test_noise_is_refused(token: str) -> None:
    assert not opens(token)
