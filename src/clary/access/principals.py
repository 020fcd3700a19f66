"""Who makes a request. Credentials and policies are not part of a principal.

Made by `callers` from credentials, by `sts` for new sessions, and by services that act for SageMaker itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from clary.base.arns import parse_arn

Kind = Literal["root", "user", "assumed-role", "federated-user", "service", "anonymous"]

_TYPES: Mapping[Kind, str] = {
    "root": "Account",
    "user": "User",
    "assumed-role": "AssumedRole",
    "federated-user": "FederatedUser",
    "service": "Service",
    "anonymous": "Anonymous",
}


@dataclass(frozen=True, slots=True)
class Principal:
    """One caller.

    `arn` of a role session is `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, of a service its name
    (`sagemaker.amazonaws.com`), of nobody empty. `principal_id` is the id of the user or role
    (`AIDA...`, `AROA...`), for root the account.
    """

    arn: str
    account: str
    kind: Kind
    principal_id: str
    role_arn: str | None = None
    session_name: str | None = None

    @property
    def user_id(self) -> str:
        """What GetCallerIdentity calls UserId and policies call `aws:userid`."""
        if self.kind == "federated-user":
            return f"{self.account}:{self.session_name}"
        return f"{self.principal_id}:{self.session_name}" if self.session_name else self.principal_id

    @property
    def policy_arn(self) -> str:
        """ARN under which the caller's policies are kept: sessions have those of their role (or of the user who
        vouches for them, which is their `role_arn`)."""
        return self.role_arn or self.arn


ANONYMOUS = Principal(arn="", account="", kind="anonymous", principal_id="anonymous")


def root_principal(account: str) -> Principal:
    return Principal(arn=f"arn:aws:iam::{account}:root", account=account, kind="root", principal_id=account)


def user_principal(user_arn: str, user_id: str) -> Principal:
    return Principal(arn=user_arn, account=parse_arn(user_arn).account, kind="user", principal_id=user_id)


def role_session(role_arn: str, role_id: str, session_name: str) -> Principal:
    """A session of a role. The path of the role is not part of the session's ARN."""
    role = parse_arn(role_arn)
    return Principal(
        arn=f"arn:aws:sts::{role.account}:assumed-role/{role.resource_name}/{session_name}",
        account=role.account,
        kind="assumed-role",
        principal_id=role_id,
        role_arn=role_arn,
        session_name=session_name,
    )


def federated_user(user: Principal, name: str) -> Principal:
    """Somebody for whom a user (or root) vouches."""
    arn = f"arn:aws:sts::{user.account}:federated-user/{name}"
    return Principal(arn, user.account, "federated-user", user.principal_id, role_arn=user.arn, session_name=name)


def service_principal(name: str, account: str) -> Principal:
    """A service of this installation that acts for `account`, for example `sagemaker.amazonaws.com`."""
    return Principal(arn=name, account=account, kind="service", principal_id=name)


@lru_cache(maxsize=4096)
def principal_keys(principal: Principal) -> Mapping[str, str]:
    """Condition keys that follow from the principal itself. Read only: the answer is shared."""
    keys = {"aws:principaltype": _TYPES[principal.kind], "aws:userid": principal.user_id}
    if principal.kind == "service":
        keys |= {"aws:principalisawsservice": "true", "aws:principalservicename": principal.arn}
    elif principal.kind != "anonymous":
        keys |= {
            "aws:principalisawsservice": "false",
            "aws:principalarn": principal.arn if principal.kind == "federated-user" else principal.policy_arn,
            "aws:principalaccount": principal.account,
        }
    if principal.kind == "user":
        keys["aws:username"] = principal.arn.rpartition("/")[2]
    return keys
