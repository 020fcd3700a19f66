"""From credentials to a caller with policies, on a snapshot as doors read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clary.access.callers import Caller, identify
from clary.access.principals import role_session, root_principal
from clary.access.sessions import ExpiredToken, InvalidClientTokenId, mint_session
from clary.base.snapshots import Access, AccessKey, PrincipalPolicies, read_access, write_access
from tests.access.documents import allow, deny, policy, text_of

MASTER = "m" * 64
NOW = datetime(2026, 1, 2, tzinfo=UTC)
HOME = "111122223333"
ROOT_ARN = f"arn:aws:iam::{HOME}:root"
ROLE_ARN = f"arn:aws:iam::{HOME}:role/service-role/Trainer"
USER_ARN = f"arn:aws:iam::{HOME}:user/alice"
ROLE_ID = "AROATRAINER000000000"
ENDPOINT = f"arn:aws:sagemaker:us-east-1:{HOME}:endpoint/e"
INVOKE = "sagemaker:InvokeEndpoint"


@pytest.fixture
def access(tmp_path: Path) -> Access:
    snapshot = Access(
        number=7,
        keys={
            "AKIAROOT000000000000": AccessKey("root-secret", ROOT_ARN, HOME),
            "AKIAALICE00000000000": AccessKey("alice-secret", USER_ARN, HOME),
            "AKIAOLD0000000000000": AccessKey("old-secret", USER_ARN, HOME, active=False),
            "AKIAGONE000000000000": AccessKey("gone-secret", USER_ARN + "-gone", HOME),
        },
        principals={
            ROOT_ARN: PrincipalPolicies(ROOT_ARN, HOME, HOME, root=True),
            ROLE_ARN: PrincipalPolicies(ROLE_ARN, HOME, ROLE_ID, policies=(policy(allow(INVOKE)),)),
            USER_ARN: PrincipalPolicies(
                USER_ARN, HOME, "AIDAALICE", policies=(policy(allow("*")),), boundary=policy(allow("s3:*"))
            ),
        },
    )
    write_access(tmp_path / "access.json", snapshot)
    return read_access(tmp_path / "access.json")


def session(access: Access, *, role_id: str = ROLE_ID, policies: tuple[str, ...] = (), age: int = 0) -> Caller:
    minted = mint_session(
        MASTER,
        principal=role_session(ROLE_ARN, role_id, "s"),
        issued_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        session_policies=policies,
    )
    return identify(access, MASTER, minted.access_key_id, minted.session_token, NOW + timedelta(hours=age))


def test_root(access: Access) -> None:
    caller = identify(access, MASTER, "AKIAROOT000000000000", None, NOW)
    assert caller.principal == root_principal(HOME)
    assert caller.secret == "root-secret"
    assert "root-secret" not in repr(caller)
    assert caller.may(INVOKE, ENDPOINT).allowed


def test_a_user_within_the_boundary(access: Access) -> None:
    caller = identify(access, MASTER, "AKIAALICE00000000000", None, NOW)
    assert (caller.principal.kind, caller.principal.arn) == ("user", USER_ARN)
    assert caller.may("s3:GetObject", "arn:aws:s3:::b/k").allowed
    assert not caller.may(INVOKE, ENDPOINT).allowed


@pytest.mark.parametrize("key", ["AKIAOLD0000000000000", "AKIAGONE000000000000", "AKIAUNKNOWN000000000", ""])
def test_keys_that_are_no_good(access: Access, key: str) -> None:
    with pytest.raises(InvalidClientTokenId):
        identify(access, MASTER, key, None, NOW)


def test_a_long_term_key_with_a_token_is_refused(access: Access) -> None:
    with pytest.raises(InvalidClientTokenId):
        identify(access, MASTER, "AKIAROOT000000000000", "token", NOW)


def test_a_session_has_the_policies_of_its_role(access: Access) -> None:
    caller = session(access)
    assert caller.principal.arn == f"arn:aws:sts::{HOME}:assumed-role/Trainer/s"
    assert caller.principal.user_id == f"{ROLE_ID}:s"
    assert caller.may(INVOKE, ENDPOINT).allowed
    assert not caller.may("s3:GetObject", "arn:aws:s3:::b/k").allowed


def test_a_session_policy_limits(access: Access) -> None:
    assert not session(access, policies=(text_of(policy(allow("s3:*"))),)).may(INVOKE, ENDPOINT).allowed
    assert session(access, policies=(text_of(policy(allow("*"))),)).may(INVOKE, ENDPOINT).allowed


def test_a_session_ends(access: Access) -> None:
    with pytest.raises(ExpiredToken):
        session(access, age=1)


def test_a_session_does_not_outlive_its_role(access: Access) -> None:
    with pytest.raises(InvalidClientTokenId):
        session(access, role_id="AROAEARLIER000000000")
    without = Access(access.number, access.keys, {})
    with pytest.raises(InvalidClientTokenId):
        session(without)


def test_older_sessions_can_be_revoked_by_policy(access: Access) -> None:
    revoking = deny("*", when={"DateLessThan": {"aws:TokenIssueTime": "2026-01-02T00:00:01Z"}})
    role = access.principals[ROLE_ARN]
    revoked = PrincipalPolicies(
        role.arn, role.account, role.principal_id, policies=(*role.policies, policy(revoking))
    )
    assert not session(Access(8, access.keys, {ROLE_ARN: revoked})).may(INVOKE, ENDPOINT).allowed


def test_what_the_credentials_say_wins_over_the_request(access: Access) -> None:
    request = session(access).request(INVOKE, ENDPOINT, {"aws:tokenissuetime": "1999-01-01T00:00:00Z", "aws:a": "1"})
    assert request.get("aws:tokenissuetime") == "2026-01-02T00:00:00Z"
    assert request.get("aws:a") == "1"
