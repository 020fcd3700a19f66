"""AWS Systems Manager: the parameter store, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.context import Context
from clary.services.operation import Operation
from clary.services.ssm import changes, labels, names, reading, tagging


def _first(context: Context, request: dict[str, list[str]]) -> str:
    """For lists of names: the first; the handlers ask for the others."""
    return names.arn(context, names.select(context, request["Names"][0]).name)


OPERATIONS: Mapping[str, Operation] = {
    "AddTagsToResource": Operation(tagging.add_tags_to_resource, tagging.tagged_arn),
    "DeleteParameter": Operation(changes.delete_parameter, names.named),
    "DeleteParameters": Operation(changes.delete_parameters, _first),
    "DescribeParameters": Operation(reading.describe_parameters),
    "GetParameter": Operation(reading.get_parameter, names.named),
    "GetParameterHistory": Operation(reading.get_parameter_history, names.named),
    "GetParameters": Operation(reading.get_parameters, _first),
    "GetParametersByPath": Operation(reading.get_parameters_by_path, names.below_path),
    "LabelParameterVersion": Operation(labels.label_parameter_version, names.named),
    "ListTagsForResource": Operation(tagging.list_tags_for_resource, tagging.tagged_arn),
    "PutParameter": Operation(changes.put_parameter, names.named),
    "RemoveTagsFromResource": Operation(tagging.remove_tags_from_resource, tagging.tagged_arn),
    "UnlabelParameterVersion": Operation(labels.unlabel_parameter_version, names.named),
}
