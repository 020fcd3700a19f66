"""AssumeRole: who gets credentials of a role, how long they last, what they may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from clary.access.callers import Caller, identify
from clary.access.principals import role_session, user_principal
from clary.base.errors import AccessDenied
from clary.services import iam, sts
from clary.services.context import Context
from clary.services.iam.execution_role import ensure_execution_role
from clary.store import principals
from tests.access.documents import allow, deny, policy, text_of
from tests.services.calling import ACCOUNT, NOW, Client, Permissions

ROLE = f"arn:aws:iam::{ACCOUNT}:role/teams/Trainer"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/Other"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ALICE = user_principal(f"arn:aws:iam::{ACCOUNT}:user/alice", "AIDAALICE00000000000")


def trusting(who: Any, *actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": who, "Action": list(actions or ["sts:AssumeRole"]), **more}


@pytest.fixture
def admin(context: Context, permissions: Permissions) -> Client:
    """Root, calling IAM."""
    return Client("iam", iam.OPERATIONS, context, permissions)


@pytest.fixture
def client(context: Context, permissions: Permissions, admin: Client) -> Client:
    """Root, calling STS; there is a role that trusts the account."""
    trust(admin, trusting({"AWS": ROOT}), create=True)
    return Client("sts", sts.OPERATIONS, context, permissions)


def trust(admin: Client, *statements: dict[str, Any], create: bool = False) -> None:
    text = text_of(policy(*statements))
    if create:
        admin("CreateRole", RoleName="Trainer", Path="/teams/", AssumeRolePolicyDocument=text)
    else:
        admin("UpdateAssumeRolePolicy", RoleName="Trainer", PolicyDocument=text)


def assume(client: Client, **more: Any) -> dict[str, Any]:
    return client("AssumeRole", **{"RoleArn": ROLE, "RoleSessionName": "job-1", **more})


def caller_of(client: Client, answer: dict[str, Any], at: datetime = NOW) -> Caller:
    """The caller as a door sees it that gets a request with these credentials."""
    context, given = client.context, answer["Credentials"]
    with context.database.read() as tx:
        access = principals.read_access(tx, context.installation, 1)
    return identify(access, context.installation.master_key, given["AccessKeyId"], given["SessionToken"], at)


def calling(client: Client, who: Caller) -> Client:
    """The client with the identity, policies and keys of a caller, as control makes its contexts."""
    return client.at(principal=who.principal, policies=who.policies, condition_keys=who.keys)


def as_user(client: Client, *statements: dict[str, Any]) -> Client:
    documents = [policy(*statements)] if statements else []
    return client.at(principal=ALICE, policies=replace(client.context.policies, identity=documents))


def test_credentials_work_and_say_who_they_are(client: Client) -> None:
    answer = assume(client)
    who = caller_of(client, answer)
    assert who.secret == answer["Credentials"]["SecretAccessKey"]
    assert answer["Credentials"]["Expiration"] == NOW.replace(microsecond=0) + timedelta(hours=1)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/Trainer/job-1"
    assert answer["AssumedRoleUser"] == {"Arn": arn, "AssumedRoleId": who.principal.user_id}
    assert calling(client, who)("GetCallerIdentity") == {
        "Account": ACCOUNT,
        "Arn": arn,
        "UserId": f"{who.principal.principal_id}:job-1",
    }
    assert who.principal.principal_id.startswith("AROA")
    assert "SourceIdentity" not in answer


def test_the_execution_role_can_be_taken_by_root(client: Client, context: Context) -> None:
    ensure_execution_role(context.database, context.installation, NOW)
    answer = assume(client, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ClaryExecutionRole", RoleSessionName="me")
    who = caller_of(client, answer)
    identity = calling(client, who)("GetCallerIdentity")
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/ClaryExecutionRole/me"
    assert who.may("s3:GetObject", "arn:aws:s3:::b/k").allowed
    assert not who.may("iam:DeleteRole", ROLE).allowed


def refused(client: Client, **more: Any) -> str:
    with pytest.raises(AccessDenied) as caught:
        assume(client, **more)
    return caught.value.message


def test_a_role_that_does_not_exist_is_refused_in_the_same_words(client: Client, admin: Client) -> None:
    trust(admin, trusting({"Service": "sagemaker.amazonaws.com"}))
    existing, missing = refused(client), refused(client, RoleArn=ROLE + "x")
    assert missing == existing.replace(ROLE, ROLE + "x")
    assert missing == f"User: {ROOT} is not authorized to perform: sts:AssumeRole on resource: {ROLE}x"


def test_only_roles_can_be_assumed(client: Client, admin: Client) -> None:
    arn = admin("CreatePolicy", PolicyName="P", PolicyDocument=text_of(policy(allow("*"))))["Policy"]["Arn"]
    refused(client, RoleArn=arn)


def test_the_accounts_trust_needs_a_policy_of_the_user(client: Client) -> None:
    refused(as_user(client))
    refused(as_user(client, allow("sts:AssumeRole", resource=OTHER)))
    refused(as_user(client, allow("*"), deny("sts:*", resource=ROLE)))
    assume(as_user(client, allow("sts:AssumeRole", resource=ROLE)))


def test_trust_in_the_user_is_enough(client: Client, admin: Client) -> None:
    admin("CreateUser", UserName="alice")
    trust(admin, trusting({"AWS": ALICE.arn}))
    assume(as_user(client))
    refused(as_user(client, deny("sts:*")))
    refused(client)


def session(client: Client, admin: Client, *own: dict[str, Any], **more: Any) -> Client:
    """A session of another role with its own policies."""
    text = text_of(policy(trusting({"AWS": ROOT})))
    admin("CreateRole", RoleName="Other", AssumeRolePolicyDocument=text)
    if own:
        admin("PutRolePolicy", RoleName="Other", PolicyName="own", PolicyDocument=text_of(policy(*own)))
    return calling(client, caller_of(client, assume(client, RoleArn=OTHER, **more)))


def test_roles_can_be_chained_for_an_hour(client: Client, admin: Client) -> None:
    admin("UpdateRole", RoleName="Trainer", MaxSessionDuration=43200)
    chained = session(client, admin, allow("sts:AssumeRole"))
    assume(chained, DurationSeconds=3600)
    error = chained.fails(
        "AssumeRole", "ValidationException", RoleArn=ROLE, RoleSessionName="x-2", DurationSeconds=3601
    )
    assert "1 hour session limit for roles assumed by role chaining" in error.message


def test_session_policies_limit_what_can_be_assumed(client: Client, admin: Client) -> None:
    """Also where the trust policy names the caller's role, which needs no policy of that role."""
    limited = session(client, admin, Policy=text_of(policy(allow("s3:*"))))
    trust(admin, trusting({"AWS": OTHER}))
    refused(limited)


def test_trust_in_a_role_is_enough_for_its_sessions(client: Client, admin: Client) -> None:
    of_other = session(client, admin)
    trust(admin, trusting({"AWS": OTHER}))
    assume(of_other)


def test_policies_limit_the_session(client: Client, admin: Client) -> None:
    admin("PutRolePolicy", RoleName="Trainer", PolicyName="all", PolicyDocument=text_of(policy(allow("*"))))
    free = caller_of(client, assume(client))
    limited = caller_of(client, assume(client, Policy=text_of(policy(allow("s3:*")))))
    assert free.may("logs:GetLogEvents", "*").allowed
    assert limited.may("s3:ListBucket", "*").allowed
    assert not limited.may("logs:GetLogEvents", "*").allowed


def test_managed_policies_limit_the_session(client: Client, admin: Client, context: Context) -> None:
    ensure_execution_role(context.database, context.installation, NOW)
    admin("PutRolePolicy", RoleName="Trainer", PolicyName="all", PolicyDocument=text_of(policy(allow("*"))))
    names = ("AmazonS3ReadOnlyAccess", "CloudWatchLogsFullAccess")
    limited = caller_of(client, assume(client, PolicyArns=[{"arn": f"arn:aws:iam::aws:policy/{n}"} for n in names]))
    assert limited.may("s3:GetObject", "*").allowed
    assert limited.may("logs:PutLogEvents", "*").allowed
    assert not limited.may("s3:PutObject", "*").allowed
    missing = [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/None"}]
    client.fails("AssumeRole", "MalformedPolicyDocument", RoleArn=ROLE, RoleSessionName="job-1", PolicyArns=missing)


def test_malformed_and_oversized_session_policies(client: Client, admin: Client) -> None:
    broken = {"RoleArn": ROLE, "RoleSessionName": "job-1", "Policy": "{}"}
    client.fails("AssumeRole", "MalformedPolicyDocument", **broken)
    noise = "".join(chr(0x4E00 + number) for number in range(2000))
    huge = text_of(policy(allow("s3:*", resource=f"arn:aws:s3:::{noise}")))
    tags = [
        {"Key": f"{number}{noise[number * 40 : number * 40 + 100]}", "Value": noise[:256]} for number in range(50)
    ]
    trust(admin, trusting({"AWS": ROOT}, "sts:AssumeRole", "sts:TagSession"))
    client.fails("AssumeRole", "PackedPolicyTooLarge", RoleArn=ROLE, RoleSessionName="job-1", Policy=huge, Tags=tags)


@pytest.mark.parametrize(("asked", "longest", "works"), [(900, 3600, True), (3601, 3600, False), (7200, 7200, True)])
def test_duration(client: Client, admin: Client, asked: int, longest: int, works: bool) -> None:
    admin("UpdateRole", RoleName="Trainer", MaxSessionDuration=longest)
    if works:
        end = NOW.replace(microsecond=0) + timedelta(seconds=asked)
        assert assume(client, DurationSeconds=asked)["Credentials"]["Expiration"] == end
    else:
        client.fails(
            "AssumeRole", "ValidationException", RoleArn=ROLE, RoleSessionName="job-1", DurationSeconds=asked
        )


def test_external_id(client: Client, admin: Client) -> None:
    trust(admin, trusting({"AWS": ROOT}, Condition={"StringEquals": {"sts:ExternalId": "42"}}))
    refused(client)
    refused(client, ExternalId="43")
    assume(client, ExternalId="42")


def test_the_name_of_the_session_can_be_demanded(client: Client, admin: Client) -> None:
    trust(admin, trusting({"AWS": ROOT}, Condition={"StringLike": {"sts:RoleSessionName": "job-*"}}))
    assume(client)
    refused(client, RoleSessionName="mine")


def test_conditions_on_where_the_call_comes_from(client: Client, admin: Client) -> None:
    trust(admin, trusting({"AWS": ROOT}, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    refused(client)
    assume(client.at(condition_keys={"aws:sourceip": "10.1.2.3"}))
    refused(client.at(condition_keys={"aws:sourceip": "11.1.2.3"}))


def test_session_tags_need_a_permission_and_reach_policies(client: Client, admin: Client) -> None:
    tags = [{"Key": "Team", "Value": "fraud"}]
    assert "sts:TagSession" in refused(client, Tags=tags)
    trust(
        admin,
        trusting({"AWS": ROOT}),
        trusting({"AWS": ROOT}, "sts:TagSession", Condition={"StringEquals": {"aws:RequestTag/team": "fraud"}}),
    )
    own = allow("s3:*", resource="arn:aws:s3:::${aws:PrincipalTag/team}/*")
    admin("PutRolePolicy", RoleName="Trainer", PolicyName="own", PolicyDocument=text_of(policy(own)))
    refused(client, Tags=[{"Key": "team", "Value": "other"}])
    who = caller_of(client, assume(client, Tags=tags))
    assert who.may("s3:GetObject", "arn:aws:s3:::fraud/k").allowed
    assert not who.may("s3:GetObject", "arn:aws:s3:::other/k").allowed
    assert not caller_of(client, assume(client)).may("s3:GetObject", "arn:aws:s3:::fraud/k").allowed
    twice = [*tags, {"Key": "team", "Value": "x"}]
    client.fails("AssumeRole", "ValidationException", RoleArn=ROLE, RoleSessionName="job-1", Tags=twice)


def test_tags_of_the_role_are_tags_of_its_sessions(client: Client, admin: Client) -> None:
    trust(admin, trusting({"AWS": ROOT}, "sts:AssumeRole", "sts:TagSession"))
    admin("TagRole", RoleName="Trainer", Tags=[{"Key": "Team", "Value": "fraud"}])
    plain = caller_of(client, assume(client))
    tagged = caller_of(client, assume(client, Tags=[{"Key": "team", "Value": "mine"}]))
    assert plain.keys["aws:principaltag/team"] == "fraud"
    assert tagged.keys["aws:principaltag/team"] == "mine"


def test_source_identity(client: Client, admin: Client) -> None:
    assert "sts:SetSourceIdentity" in refused(client, SourceIdentity="alice")
    trust(admin, trusting({"AWS": ROOT}, "sts:AssumeRole", "sts:SetSourceIdentity"))
    answer = assume(client, SourceIdentity="alice")
    assert answer["SourceIdentity"] == "alice"
    assert caller_of(client, answer).keys["aws:sourceidentity"] == "alice"


@pytest.mark.parametrize(
    "member",
    [
        {"SerialNumber": "arn:aws:iam::111122223333:mfa/alice"},
        {"TokenCode": "123456"},
        {"TransitiveTagKeys": ["team"]},
        {"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x"}]},
    ],
)
def test_what_is_not_served_is_said(client: Client, member: dict[str, Any]) -> None:
    client.fails("AssumeRole", "NotImplemented", RoleArn=ROLE, RoleSessionName="job-1", **member)


def test_session_of_this_role_may_not_prolong_itself(client: Client) -> None:
    """A role trusts itself only when its trust policy says so."""
    who = caller_of(client, assume(client))
    refused(calling(client, who))
    assert who.principal == role_session(ROLE, who.principal.principal_id, "job-1")


def test_a_trust_may_ask_for_tags_of_the_role(client: Client, admin: Client) -> None:
    ready = {"Condition": {"StringEquals": {"aws:ResourceTag/stage": "ready"}}}
    trust(admin, {**trusting({"AWS": ROOT}), **ready})
    wanted = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/teams/Trainer", "RoleSessionName": "s"}
    client.fails("AssumeRole", "AccessDeniedException", **wanted)
    admin("TagRole", RoleName="Trainer", Tags=[{"Key": "Stage", "Value": "ready"}])
    assert client("AssumeRole", **wanted)["AssumedRoleUser"]
