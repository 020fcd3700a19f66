"""Model steps: CreateModel under a derived name."""

from __future__ import annotations

from clary.base.errors import ApiError
from clary.engine.pipelines.steps.instant import InstantStep
from clary.engine.pipelines.steps.port import Sight, Task


class ModelStep(InstantStep):
    """A model that exists already under this name was made before the process died."""

    def start(self, task: Task) -> Sight:
        request = task.resolve(task.step.arguments)
        name = task.name(request.get("ModelName"))
        request |= {"ModelName": name, "Tags": [*(request.get("Tags") or []), *task.tags]}
        try:
            task.call("sagemaker", "CreateModel", request)
        except ApiError as error:
            if "already exist" not in error.message:
                raise
        told = task.call("sagemaker", "DescribeModel", {"ModelName": name})
        return Sight("Succeeded", {"Model": {"Arn": told["ModelArn"]}}, told)
