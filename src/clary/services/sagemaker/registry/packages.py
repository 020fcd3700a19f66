"""Describing and listing packages; and what a model or an endpoint takes from one."""

from __future__ import annotations

from typing import Any

from clary.base.arns import parse_arn
from clary.base.errors import ApiError, ValidationException
from clary.services.context import Context
from clary.services.sagemaker.registry.rows import GROUP, PACKAGE, arn_of, get_package, policies_of_package
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_CONTAINER = ("Image", "ModelDataUrl", "ModelDataSource")
_SORTS = {"Name": "name", "CreationTime": "created_at"}
_FILTERS = {
    "CreationTimeAfter": "created_after",
    "CreationTimeBefore": "created_before",
}


def describe_model_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        package = get_package(tx, context, request["ModelPackageName"])
    return _without_card(described(package)) if request.get("IncludedData") == "MetadataOnly" else described(package)


def _without_card(shown: dict[str, Any]) -> dict[str, Any]:
    """The status of a model card is metadata, what it says is not."""
    card = shown.get("ModelCard")
    if not card:
        return shown
    return {**shown, "ModelCard": {name: value for name, value in card.items() if name != "ModelCardContent"}}


def described(package: Resource) -> dict[str, Any]:
    """What Describe and Search tell of a package."""
    document = package.document
    return {
        **document["request"],
        "ModelPackageName": package_name(package),
        "ModelPackageGroupName": document.get("group"),
        "ModelPackageVersion": document.get("version"),
        "ModelPackageArn": package.arn,
        "CreationTime": package.created_at,
        "ModelPackageStatus": package.status,
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": document["request"].get("CertifyForMarketplace", False),
        "ModelApprovalStatus": document.get("approval"),
        "ApprovalDescription": document.get("approval_description"),
        "CreatedBy": document["created_by"],
        "LastModifiedTime": package.updated_at if document.get("last_modified_by") else None,
        "LastModifiedBy": document.get("last_modified_by"),
    }


def package_name(package: Resource) -> str:
    """Versions have no name of their own: AWS shows `<group>/<version>`."""
    return version_name(package.document.get("group"), package.name)


def version_name(group: str | None, name: str) -> str:
    return f"{group}/{name}" if group else name


def batch_describe_model_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Each ARN is authorised and answered for itself."""
    found: dict[str, Any] = {}
    failed: dict[str, Any] = {}
    for arn in request["ModelPackageArnList"]:
        try:
            context.authorize("sagemaker:DescribeModelPackage", arn.lower(), None, policies_of_package(context, arn))
            with context.database.read() as tx:
                package = get_package(tx, context, arn)
        except ApiError as error:
            failed[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
            continue
        found[arn] = {
            "InferenceSpecification": package.document["request"].get("InferenceSpecification") or {"Containers": []},
            **_summary(package),
        }
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": failed}


def listed_group(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table."""
    name = request.get("ModelPackageGroupName")
    return arn_of(context, GROUP, name) if name else "*"


def list_model_packages(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Without a group only packages without versions are listed, unless ModelPackageType says otherwise.

    A group that does not exist has none: the SDK looks for the newest approved version before there is a group.
    """
    versions = "ModelPackageGroupName" in request  # numbers grow with time, but not as texts
    sort = "created_at" if versions else _SORTS[request.get("SortBy", "CreationTime")]
    order = request.get("SortOrder", "Ascending")
    size, token = request.get("MaxResults", 10), request.get("NextToken")
    with context.database.read() as tx:
        group = _group(tx, context, request)
        if versions and group is None:
            return {"ModelPackageSummaryList": []}
        account = group.account if group else context.account
        wanted = [request.get(member) for member in ("ModelPackageType", "ModelApprovalStatus", "NameContains")]
        scope = f"{account}/{group.name if group else ''}/{sort}/{order}/{wanted}"
        after = context.pager.decode("ListModelPackages", scope, token) if token else None
        rows: list[Resource] = []
        while len(rows) <= size:
            query = Query(
                account,
                context.region,
                PACKAGE,
                parent=_parent(request, group),
                sort=sort,
                descending=order == "Descending",
                limit=size + 1,
                after=after,
                **{name: request[key] for key, name in _FILTERS.items() if key in request},
            )
            page = resources.page(tx, query)
            rows += [row for row in page if _is_wanted(row, request, group)]
            if len(page) <= size:
                break
            after = resources.position(page[-1], sort)
    answer: dict[str, Any] = {"ModelPackageSummaryList": [_summary(row) for row in rows[:size]]}
    if len(rows) > size:
        position = resources.position(rows[size - 1], sort)
        answer["NextToken"] = context.pager.encode("ListModelPackages", scope, position)
    return answer


def resolve_container(context: Context, tx: Transaction, container: dict[str, Any]) -> dict[str, Any]:
    """The container of a package, as a model keeps it: the endpoint then needs the registry no more."""
    arn = arn_of(context, PACKAGE, container["ModelPackageName"])
    if parse_arn(arn).account != context.account:
        context.authorize("sagemaker:CreateModel", arn, None, policies_of_package(context, arn))
    package = get_package(tx, context, arn)
    approval = package.document.get("approval")
    if approval not in {None, "Approved"}:
        raise ValidationException(f"{arn} cannot be deployed: its approval status is {approval}, not Approved.")
    containers = (package.document["request"].get("InferenceSpecification") or {}).get("Containers") or []
    if len(containers) != 1:
        raise ValidationException(f"{arn} has {len(containers)} containers; a model here has one.")
    found = {
        name: containers[0][name] for name in ("Image", "ModelDataUrl", "ModelDataSource") if name in containers[0]
    }
    variables = {**(containers[0].get("Environment") or {}), **(container.get("Environment") or {})}
    return {**found, "Environment": variables, "ModelPackageName": arn}


def _group(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource | None:
    name = request.get("ModelPackageGroupName")
    found = resources.find_by_arn(tx, arn_of(context, GROUP, name)) if name else None
    return found if found is not None and found.kind == GROUP and found.region == context.region else None


def _parent(request: dict[str, Any], group: Resource | None) -> str | None:
    if group is not None:
        return group.name.lower()
    return "" if request.get("ModelPackageType", "Unversioned") == "Unversioned" else None


def _is_wanted(row: Resource, request: dict[str, Any], group: Resource | None) -> bool:
    if group is None and request.get("ModelPackageType") == "Versioned" and not row.parent:
        return False
    if request.get("NameContains", "").lower() not in package_name(row).lower():
        return False
    approval = request.get("ModelApprovalStatus")
    return approval is None or row.document.get("approval") == approval


def _summary(package: Resource) -> dict[str, Any]:
    return {
        "ModelPackageName": package_name(package),
        "ModelPackageGroupName": package.document.get("group"),
        "ModelPackageVersion": package.document.get("version"),
        "ModelPackageArn": package.arn,
        "ModelPackageDescription": package.document["request"].get("ModelPackageDescription"),
        "CreationTime": package.created_at,
        "ModelPackageStatus": package.status,
        "ModelApprovalStatus": package.document.get("approval"),
        "ModelLifeCycle": package.document["request"].get("ModelLifeCycle"),
        "ModelPackageRegistrationType": package.document["request"].get("ModelPackageRegistrationType"),
    }
