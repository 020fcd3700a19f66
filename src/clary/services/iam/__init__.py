"""AWS Identity and Access Management: users, groups, roles, their policies, and asking what a principal may do."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.iam import (
    access_keys,
    account_details,
    attachments,
    boundaries,
    groups,
    inline_policies,
    instance_profiles,
    policies,
    policy_versions,
    roles,
    simulation,
    tags,
    users,
)
from clary.services.iam.entities import (
    ENTITIES,
    PROFILE,
    ROLE,
    USER,
    Entity,
    group_resource,
    policy_resource,
    profile_resource,
    resource_of,
    role_resource,
    user_resource,
)
from clary.services.operation import Operation


def _with_policies(entity: Entity) -> dict[str, Operation]:
    """What users, groups and roles have in common."""
    title, resource = entity.title, resource_of(entity)
    return {
        f"Attach{title}Policy": Operation(attachments.attaching(entity), resource),
        f"Detach{title}Policy": Operation(attachments.detaching(entity), resource),
        f"ListAttached{title}Policies": Operation(attachments.listing(entity), resource),
        f"Put{title}Policy": Operation(inline_policies.putting(entity), resource),
        f"Get{title}Policy": Operation(inline_policies.getting(entity), resource),
        f"Delete{title}Policy": Operation(inline_policies.deleting(entity), resource),
        f"List{title}Policies": Operation(inline_policies.listing(entity), resource),
    }


def _with_tags(entity: Entity) -> dict[str, Operation]:
    """What users and roles have in common."""
    title, resource, find = entity.title, resource_of(entity), tags.named(entity)
    return {
        f"Put{title}PermissionsBoundary": Operation(boundaries.putting(entity), resource),
        f"Delete{title}PermissionsBoundary": Operation(boundaries.deleting(entity), resource),
        f"Tag{title}": Operation(tags.tagging(find), resource),
        f"Untag{title}": Operation(tags.untagging(find), resource),
        f"List{title}Tags": Operation(tags.listing(f"List{title}Tags", find), resource),
    }


_SHARED = {name: row for entity in ENTITIES for name, row in _with_policies(entity).items()}
_SHARED |= {name: row for entity in (USER, ROLE) for name, row in _with_tags(entity).items()}

OPERATIONS: Mapping[str, Operation] = {
    **_SHARED,
    "AddRoleToInstanceProfile": Operation(instance_profiles.add_role_to_instance_profile, profile_resource),
    "AddUserToGroup": Operation(groups.add_user_to_group, group_resource),
    "CreateAccessKey": Operation(access_keys.create_access_key, user_resource),
    "CreateGroup": Operation(groups.create_group, group_resource),
    "CreateInstanceProfile": Operation(instance_profiles.create_instance_profile, profile_resource),
    "CreatePolicy": Operation(policies.create_policy, policies.new_policy_resource),
    "CreatePolicyVersion": Operation(policy_versions.create_policy_version, policy_resource),
    "CreateRole": Operation(roles.create_role, role_resource),
    "CreateUser": Operation(users.create_user, user_resource),
    "DeleteAccessKey": Operation(access_keys.delete_access_key, user_resource),
    "DeleteGroup": Operation(groups.delete_group, group_resource),
    "DeleteInstanceProfile": Operation(instance_profiles.delete_instance_profile, profile_resource),
    "DeletePolicy": Operation(policies.delete_policy, policy_resource),
    "DeletePolicyVersion": Operation(policy_versions.delete_policy_version, policy_resource),
    "DeleteRole": Operation(instance_profiles.delete_role, role_resource),
    "DeleteUser": Operation(users.delete_user, user_resource),
    "GetAccessKeyLastUsed": Operation(access_keys.get_access_key_last_used, access_keys.last_used_resource),
    "GetAccountAuthorizationDetails": Operation(account_details.get_account_authorization_details),
    "GetAccountSummary": Operation(account_details.get_account_summary),
    "GetContextKeysForCustomPolicy": Operation(simulation.get_context_keys_for_custom_policy),
    "GetContextKeysForPrincipalPolicy": Operation(
        simulation.get_context_keys_for_principal_policy, simulation.simulated_resource
    ),
    "GetGroup": Operation(groups.get_group, group_resource),
    "GetInstanceProfile": Operation(instance_profiles.get_instance_profile, profile_resource),
    "GetPolicy": Operation(policies.get_policy, policy_resource),
    "GetPolicyVersion": Operation(policy_versions.get_policy_version, policy_resource),
    "GetRole": Operation(roles.get_role, role_resource),
    "GetUser": Operation(users.get_user, users.described_resource),
    "ListAccessKeys": Operation(access_keys.list_access_keys, user_resource),
    "ListAccountAliases": Operation(account_details.list_account_aliases),
    "ListEntitiesForPolicy": Operation(attachments.list_entities_for_policy, policy_resource),
    "ListGroups": Operation(groups.list_groups),
    "ListGroupsForUser": Operation(groups.list_groups_for_user, user_resource),
    "ListInstanceProfileTags": Operation(
        tags.listing("ListInstanceProfileTags", tags.named(PROFILE)), profile_resource
    ),
    "ListInstanceProfiles": Operation(instance_profiles.list_instance_profiles),
    "ListInstanceProfilesForRole": Operation(instance_profiles.list_instance_profiles_for_role, role_resource),
    "ListPolicies": Operation(policies.list_policies),
    "ListPolicyTags": Operation(tags.listing("ListPolicyTags", tags.any_policy), policy_resource),
    "ListPolicyVersions": Operation(policy_versions.list_policy_versions, policy_resource),
    "ListRoles": Operation(roles.list_roles),
    "ListUsers": Operation(users.list_users),
    "RemoveRoleFromInstanceProfile": Operation(instance_profiles.remove_role_from_instance_profile, profile_resource),
    "RemoveUserFromGroup": Operation(groups.remove_user_from_group, group_resource),
    "SetDefaultPolicyVersion": Operation(policy_versions.set_default_policy_version, policy_resource),
    "SimulateCustomPolicy": Operation(simulation.simulate_custom_policy),
    "SimulatePrincipalPolicy": Operation(simulation.simulate_principal_policy, simulation.simulated_resource),
    "TagInstanceProfile": Operation(tags.tagging(tags.named(PROFILE)), profile_resource),
    "TagPolicy": Operation(tags.tagging(tags.own_policy), policy_resource),
    "UntagInstanceProfile": Operation(tags.untagging(tags.named(PROFILE)), profile_resource),
    "UntagPolicy": Operation(tags.untagging(tags.own_policy), policy_resource),
    "UpdateAccessKey": Operation(access_keys.update_access_key, user_resource),
    "UpdateAssumeRolePolicy": Operation(roles.update_assume_role_policy, role_resource),
    "UpdateGroup": Operation(groups.update_group, group_resource),
    "UpdateRole": Operation(roles.update_role, role_resource),
    "UpdateRoleDescription": Operation(roles.update_role_description, role_resource),
    "UpdateUser": Operation(users.update_user, user_resource),
}
