"""The model registry: package groups and versions, approval, policies."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker.registry import changes, creation, groups, packages, policies, rows

OPERATIONS: Mapping[str, Operation] = {
    "BatchDescribeModelPackage": Operation(packages.batch_describe_model_package, open_to_all=True),
    "CreateModelPackage": Operation(
        creation.create_model_package, creation.new_package, policies=rows.group_policies
    ),
    "CreateModelPackageGroup": Operation(groups.create_model_package_group, rows.named_group),
    "DeleteModelPackage": Operation(changes.delete_model_package, rows.named_package, policies=rows.package_policies),
    "DeleteModelPackageGroup": Operation(
        groups.delete_model_package_group, rows.named_group, policies=rows.group_policies
    ),
    "DeleteModelPackageGroupPolicy": Operation(policies.delete_model_package_group_policy, rows.named_group),
    "DescribeModelPackage": Operation(
        packages.describe_model_package, rows.named_package, policies=rows.package_policies
    ),
    "DescribeModelPackageGroup": Operation(
        groups.describe_model_package_group, rows.named_group, policies=rows.group_policies
    ),
    "GetModelPackageGroupPolicy": Operation(policies.get_model_package_group_policy, rows.named_group),
    "ListModelPackageGroups": Operation(groups.list_model_package_groups),
    "ListModelPackages": Operation(packages.list_model_packages, packages.listed_group, policies=rows.group_policies),
    "PutModelPackageGroupPolicy": Operation(policies.put_model_package_group_policy, rows.named_group),
    "UpdateModelPackage": Operation(changes.update_model_package, rows.named_package, policies=rows.package_policies),
}
