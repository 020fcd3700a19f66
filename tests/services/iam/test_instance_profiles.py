"""Instance profiles: one role at most, which cannot be deleted meanwhile and must be passed."""

from __future__ import annotations

import pytest

from clary.base.errors import AccessDenied
from tests.services.calling import ACCOUNT, Client, Permissions
from tests.services.iam.conftest import ROLE_ARN, TRUST

ARN = f"arn:aws:iam::{ACCOUNT}:instance-profile/teams/machines"


@pytest.fixture
def profile(client: Client) -> str:
    """With the role `Trainer` in it."""
    tags = [{"Key": "team", "Value": "a"}]
    made = client("CreateInstanceProfile", InstanceProfileName="machines", Path="/teams/", Tags=tags)[
        "InstanceProfile"
    ]
    assert (made["Arn"], made["Roles"], made["InstanceProfileId"][:4]) == (ARN, [], "AIPA")
    client("AddRoleToInstanceProfile", InstanceProfileName="machines", RoleName="Trainer")
    return "machines"


def test_a_profile_shows_its_role(client: Client, profile: str) -> None:
    client("CreateInstanceProfile", InstanceProfileName="empty")
    shown = client("GetInstanceProfile", InstanceProfileName=profile)["InstanceProfile"]
    assert [role["Arn"] for role in shown["Roles"]] == [ROLE_ARN]
    assert client("ListInstanceProfilesForRole", RoleName="Trainer")["InstanceProfiles"] == [shown]
    assert client("ListInstanceProfiles", PathPrefix="/teams/")["InstanceProfiles"] == [shown]
    page = client("ListInstanceProfiles", MaxItems=1)
    assert ([each["InstanceProfileName"] for each in page["InstanceProfiles"]], page["IsTruncated"]) == (
        ["empty"],
        True,
    )
    (role,) = client("GetAccountAuthorizationDetails", Filter=["Role"])["RoleDetailList"]
    assert role["InstanceProfileList"] == [shown]
    assert client("GetAccountSummary")["SummaryMap"]["InstanceProfiles"] == 2


def test_nothing_goes_while_the_role_is_in_it(client: Client, profile: str) -> None:
    for operation, named in (("DeleteRole", {"RoleName": "Trainer"}), ("DeleteInstanceProfile", {})):
        refused = client.fails(operation, "DeleteConflict", **(named or {"InstanceProfileName": profile}))
        assert refused.message == "Cannot delete entity, must remove roles from instance profile first."
    client("RemoveRoleFromInstanceProfile", InstanceProfileName=profile, RoleName="Trainer")
    client.fails("RemoveRoleFromInstanceProfile", "NoSuchEntity", InstanceProfileName=profile, RoleName="Trainer")
    client("DeleteRole", RoleName="Trainer")
    client("DeleteInstanceProfile", InstanceProfileName=profile)
    refused = client.fails("GetInstanceProfile", "NoSuchEntity", InstanceProfileName=profile)
    assert refused.message == "Instance Profile machines cannot be found."


def test_one_role_that_may_be_passed(client: Client, profile: str, permissions: Permissions) -> None:
    client("CreateRole", RoleName="Second", AssumeRolePolicyDocument=TRUST)
    second = {"InstanceProfileName": profile, "RoleName": "Second"}
    client.fails("AddRoleToInstanceProfile", "LimitExceeded", **second)
    permissions.denied.append("iam:PassRole *")
    with pytest.raises(AccessDenied):
        client("AddRoleToInstanceProfile", **second)
    action, _, context = permissions.asked[-1]
    assert (action, context) == ("iam:PassRole", {"iam:passedtoservice": "ec2.amazonaws.com"})
    client.fails("CreateInstanceProfile", "EntityAlreadyExists", InstanceProfileName=profile)


def test_tags(client: Client, profile: str) -> None:
    client("TagInstanceProfile", InstanceProfileName=profile, Tags=[{"Key": "stage", "Value": "test"}])
    client("UntagInstanceProfile", InstanceProfileName=profile, TagKeys=["team"])
    tags = client("ListInstanceProfileTags", InstanceProfileName=profile)["Tags"]
    assert tags == [{"Key": "stage", "Value": "test"}]
