"""Groups of model packages. The row counts the versions it ever had, so that no number is used twice."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ConflictException, NotServed, ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.listing import list_page
from clary.services.sagemaker.registry.rows import GROUP, PACKAGE, get_group
from clary.services.sagemaker.tags import put_tags
from clary.services.sagemaker.user_context import user_context
from clary.store import resources, tags
from clary.store.resources import Query, Resource


def create_model_package_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names.refuse_unserved("CreateModelPackageGroup", request, "ManagedConfiguration")
    name = request["ModelPackageGroupName"]
    document = {
        "description": request.get("ModelPackageGroupDescription"),
        "created_by": user_context(context),
        "last_version": 0,
    }
    with context.database.write() as tx:
        if resources.find(tx, context.account, context.region, GROUP, name):
            raise ValidationException(f"Model Package Group already exists: {names.arn(context, GROUP, name)}")
        group = names.add(tx, context, GROUP, name, document, "Completed")
        put_tags(tx, group.arn, request.get("Tags"))
    return {"ModelPackageGroupArn": group.arn}


def describe_model_package_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return described(get_group(tx, context, request["ModelPackageGroupName"]))


def described(group: Resource) -> dict[str, Any]:
    """What Describe and Search tell of a group."""
    return {**_summary(group), "CreatedBy": group.document["created_by"]}


def list_model_package_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("CrossAccountFilterOption", "SameAccount") != "SameAccount":
        raise NotServed("ListModelPackageGroups with CrossAccount is not served by this version of Clary.")
    return list_page(
        context, request, GROUP, member="ModelPackageGroupSummaryList", summary=_summary, descending=True
    )


def delete_model_package_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Only an empty group can be deleted; its policy goes with it."""
    with context.database.write() as tx:
        group = get_group(tx, context, request["ModelPackageGroupName"])
        query = Query(group.account, group.region, PACKAGE, parent=group.name.lower(), limit=1)
        if resources.page(tx, query):
            raise ConflictException(f"Model Package Group {group.arn} cannot be deleted: it still has versions.")
        resources.remove(tx, group, now=context.now)
        tags.drop_all(tx, group.arn)
    return {}


def _summary(group: Resource) -> dict[str, Any]:
    return {
        "ModelPackageGroupName": group.name,
        "ModelPackageGroupArn": group.arn,
        "ModelPackageGroupDescription": group.document["description"],
        "CreationTime": group.created_at,
        "ModelPackageGroupStatus": group.status,
    }
