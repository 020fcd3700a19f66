"""AWS Identity and Access Management: roles, their policies, and asking what a principal may do."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.iam import (
    attachments,
    boundaries,
    inline_policies,
    policies,
    policy_versions,
    roles,
    simulation,
    tags,
)
from clary.services.iam.entities import policy_resource, role_resource
from clary.services.operation import Operation

OPERATIONS: Mapping[str, Operation] = {
    "AttachRolePolicy": Operation(attachments.attach_role_policy, role_resource),
    "CreatePolicy": Operation(policies.create_policy, policies.new_policy_resource),
    "CreatePolicyVersion": Operation(policy_versions.create_policy_version, policy_resource),
    "CreateRole": Operation(roles.create_role, role_resource),
    "DeletePolicy": Operation(policies.delete_policy, policy_resource),
    "DeletePolicyVersion": Operation(policy_versions.delete_policy_version, policy_resource),
    "DeleteRole": Operation(roles.delete_role, role_resource),
    "DeleteRolePermissionsBoundary": Operation(boundaries.delete_role_permissions_boundary, role_resource),
    "DeleteRolePolicy": Operation(inline_policies.delete_role_policy, role_resource),
    "DetachRolePolicy": Operation(attachments.detach_role_policy, role_resource),
    "GetPolicy": Operation(policies.get_policy, policy_resource),
    "GetPolicyVersion": Operation(policy_versions.get_policy_version, policy_resource),
    "GetRole": Operation(roles.get_role, role_resource),
    "GetRolePolicy": Operation(inline_policies.get_role_policy, role_resource),
    "ListAttachedRolePolicies": Operation(attachments.list_attached_role_policies, role_resource),
    "ListEntitiesForPolicy": Operation(attachments.list_entities_for_policy, policy_resource),
    "ListInstanceProfilesForRole": Operation(roles.list_instance_profiles_for_role, role_resource),
    "ListPolicies": Operation(policies.list_policies),
    "ListPolicyVersions": Operation(policy_versions.list_policy_versions, policy_resource),
    "ListRolePolicies": Operation(inline_policies.list_role_policies, role_resource),
    "ListRoleTags": Operation(tags.list_role_tags, role_resource),
    "ListRoles": Operation(roles.list_roles),
    "PutRolePermissionsBoundary": Operation(boundaries.put_role_permissions_boundary, role_resource),
    "PutRolePolicy": Operation(inline_policies.put_role_policy, role_resource),
    "SetDefaultPolicyVersion": Operation(policy_versions.set_default_policy_version, policy_resource),
    "SimulateCustomPolicy": Operation(simulation.simulate_custom_policy),
    "SimulatePrincipalPolicy": Operation(simulation.simulate_principal_policy, simulation.simulated_resource),
    "TagRole": Operation(tags.tag_role, role_resource),
    "UntagRole": Operation(tags.untag_role, role_resource),
    "UpdateAssumeRolePolicy": Operation(roles.update_assume_role_policy, role_resource),
    "UpdateRole": Operation(roles.update_role, role_resource),
    "UpdateRoleDescription": Operation(roles.update_role_description, role_resource),
}
