"""RegisterModel steps: a version in the model registry. The group is made when there is none yet."""

from __future__ import annotations

from typing import Any

from clary.base.errors import AccessDenied, ApiError
from clary.engine.pipelines.steps.instant import InstantStep
from clary.engine.pipelines.steps.port import Sight, Task


class RegisterModelStep(InstantStep):
    """A client token that follows from the attempt keeps a repeated start from making a second version."""

    def start(self, task: Task) -> Sight:
        request = task.resolve(task.step.arguments)
        group = request.get("ModelPackageGroupName")
        if group and not str(group).startswith("arn:"):
            self._ensure_group(task, group)
        made_by = {"GeneratedBy": task.execution.arn}
        request["MetadataProperties"] = {**made_by, **(request.get("MetadataProperties") or {})}
        request["ClientToken"] = f"{task.execution.name}-{task.digest}"
        arn = self._create(task, request)
        told = task.call("sagemaker", "DescribeModelPackage", {"ModelPackageName": arn})
        return Sight("Succeeded", {"RegisterModel": {"Arn": arn}}, told)

    def _create(self, task: Task, request: dict[str, Any]) -> str:
        try:
            return str(task.call("sagemaker", "CreateModelPackage", request)["ModelPackageArn"])
        except ApiError as error:
            if "already exists" not in error.message or "ModelPackageName" not in request:
                raise
            told = task.call("sagemaker", "DescribeModelPackage", {"ModelPackageName": request["ModelPackageName"]})
            if told["CreationTime"] < task.row.created_at:
                raise
            return str(told["ModelPackageArn"])

    def _ensure_group(self, task: Task, group: str) -> None:
        try:
            task.call("sagemaker", "CreateModelPackageGroup", {"ModelPackageGroupName": group, "Tags": task.tags})
        except ApiError as error:
            if "already exists" not in error.message and not isinstance(error, AccessDenied):
                raise  # who may not make groups may still register in one that is there
