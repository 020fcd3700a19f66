"""Session tokens: genuine ones open, everything else is refused."""

from __future__ import annotations

import base64
import json
import string
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.access.principals import role_session, root_principal
from clary.access.sessions import (
    ExpiredToken,
    InvalidClientTokenId,
    SessionCredentials,
    mint_session,
    open_session,
    packed_size,
)
from clary.base.errors import ApiError
from tests.access.documents import allow, policy, text_of

KEY = "0123456789abcdef" * 4
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WHO = role_session("arn:aws:iam::111122223333:role/service-role/Trainer", "AROATRAINER000000000", "job-1")


def mint(**changes: object) -> SessionCredentials:
    parameters = {"principal": WHO, "issued_at": NOW, "expires_at": NOW + timedelta(hours=1), **changes}
    return mint_session(KEY, **parameters)  # type: ignore[arg-type]  # keyword arguments by name


MINTED = mint()


def test_round_trip() -> None:
    text = text_of(policy(allow("s3:*")))
    minted = mint(session_policies=[text], tags={"Team": "fraud"}, source_identity="alice")
    session = open_session(KEY, minted.access_key_id, minted.session_token, NOW)
    assert session.principal == WHO
    assert session.secret_access_key == minted.secret_access_key
    assert (session.issued_at, session.expires_at) == (NOW, NOW + timedelta(hours=1))
    assert minted.expiration == session.expires_at
    assert session.policies == (json.loads(text),)
    assert session.keys() == {
        "aws:principaltag/team": "fraud",
        "aws:tokenissuetime": "2026-01-02T03:04:05Z",
        "aws:multifactorauthpresent": "false",
        "aws:sourceidentity": "alice",
    }


def test_no_session_policy_is_no_limit() -> None:
    assert open_session(KEY, MINTED.access_key_id, MINTED.session_token, NOW).policies is None


def test_sessions_of_root() -> None:
    minted = mint(principal=root_principal("111122223333"))
    session = open_session(KEY, minted.access_key_id, minted.session_token, NOW)
    assert session.principal == root_principal("111122223333")


def test_shape_of_credentials() -> None:
    assert MINTED.access_key_id.startswith("ASIA")
    assert len(MINTED.access_key_id) == 20
    assert len(MINTED.secret_access_key) == 40
    assert MINTED.secret_access_key not in repr(MINTED)
    assert MINTED.session_token not in repr(MINTED)


def test_every_session_has_its_own_secret() -> None:
    again = mint()
    assert again.access_key_id != MINTED.access_key_id
    assert again.secret_access_key != MINTED.secret_access_key


def test_the_token_does_not_hold_its_secret() -> None:
    raw = base64.urlsafe_b64decode(MINTED.session_token)
    content = zlib.decompress(raw[1:-32]).decode()
    assert MINTED.secret_access_key not in content
    assert KEY not in content


def test_expiry_is_exact() -> None:
    last_moment = MINTED.expiration - timedelta(microseconds=1)
    assert open_session(KEY, MINTED.access_key_id, MINTED.session_token, last_moment)
    with pytest.raises(ExpiredToken) as caught:
        open_session(KEY, MINTED.access_key_id, MINTED.session_token, MINTED.expiration)
    assert (caught.value.code, caught.value.status) == ("ExpiredToken", 403)


def test_a_token_belongs_to_one_access_key_id() -> None:
    other = mint()
    with pytest.raises(InvalidClientTokenId):
        open_session(KEY, other.access_key_id, MINTED.session_token, NOW)


def test_another_installation_refuses_it() -> None:
    with pytest.raises(InvalidClientTokenId) as caught:
        open_session(KEY[::-1], MINTED.access_key_id, MINTED.session_token, NOW)
    assert (caught.value.code, caught.value.status) == ("InvalidClientTokenId", 403)


def test_every_changed_character_is_refused() -> None:
    token = MINTED.session_token
    accepted = []
    for position, original in enumerate(token):
        for replacement in string.ascii_letters + string.digits + "-_=+/ \n":
            changed = token[:position] + replacement + token[position + 1 :]
            if replacement != original and _opens(changed):
                accepted.append(changed)
    assert accepted == []


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "A", lambda t: t + "=", lambda t: "\n" + t])
def test_changed_lengths_are_refused(change: object) -> None:
    assert not _opens(change(MINTED.session_token))  # type: ignore[operator]  # one of the functions above


def test_a_forged_body_is_refused() -> None:
    raw = base64.urlsafe_b64decode(MINTED.session_token)
    content = json.loads(zlib.decompress(raw[1:-32]))
    content["e"] += 3600
    forged = raw[:1] + zlib.compress(json.dumps(content).encode()) + raw[-32:]
    assert not _opens(base64.urlsafe_b64encode(forged).decode())


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_noise_is_refused(token: str) -> None:
    assert not _opens(token)


@given(st.text(max_size=30))
def test_noise_as_access_key_id_is_refused(access_key_id: str) -> None:
    with pytest.raises(InvalidClientTokenId):
        open_session(KEY, access_key_id, MINTED.session_token, NOW)


def test_too_much_content_is_refused() -> None:
    noise = "".join(chr(0x4E00 + number) for number in range(4000))
    with pytest.raises(ApiError, match="Packed size") as caught:
        mint(session_policies=[text_of(policy(allow("s3:*", resource=f"arn:aws:s3:::{noise}")))])
    assert caught.value.code == "PackedPolicyTooLarge"


def test_packed_size_is_a_percentage() -> None:
    assert 0 < packed_size(MINTED) < 10


def _opens(token: str) -> bool:
    try:
        open_session(KEY, MINTED.access_key_id, token, NOW)
    except InvalidClientTokenId:
        return False
    return True
