"""AWS Lambda: functions from zip archives and their invocation, with its dispatch table.

    functions, versions, aliases   what there is
    configuration, code, roles     what a function is made of, checked
    invocation, event_config       calling it, now or later
    permissions                    who else may call it
    concurrency, tagging, listing, names

Running the code is the engine's work (services.context.Functions).
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.lambda_functions import (
    aliases,
    concurrency,
    event_config,
    functions,
    invocation,
    permissions,
    tagging,
    versions,
)
from clary.services.lambda_functions.names import function_arn, qualified_arn
from clary.services.operation import Operation

OPERATIONS: Mapping[str, Operation] = {
    "AddPermission": Operation(permissions.add_permission, function_arn),
    "CreateAlias": Operation(aliases.create_alias, function_arn),
    "CreateFunction": Operation(functions.create_function, function_arn),
    "DeleteAlias": Operation(aliases.delete_alias, function_arn),
    "DeleteFunction": Operation(functions.delete_function, function_arn),
    "DeleteFunctionConcurrency": Operation(concurrency.delete_function_concurrency, function_arn),
    "DeleteFunctionEventInvokeConfig": Operation(event_config.delete_event_invoke_config, function_arn),
    "GetAlias": Operation(aliases.get_alias, function_arn),
    "GetFunction": Operation(functions.get_function, function_arn),
    "GetFunctionConcurrency": Operation(concurrency.get_function_concurrency, function_arn),
    "GetFunctionConfiguration": Operation(functions.get_function_configuration, function_arn),
    "GetFunctionEventInvokeConfig": Operation(event_config.get_event_invoke_config, function_arn),
    "GetPolicy": Operation(permissions.get_policy, function_arn),
    "Invoke": Operation(
        invocation.invoke,
        qualified_arn,
        action="lambda:InvokeFunction",
        policies=permissions.policies_of,
        waits=True,
    ),
    "ListAliases": Operation(aliases.list_aliases, function_arn),
    "ListFunctions": Operation(functions.list_functions),
    "ListTags": Operation(tagging.list_tags, tagging.tagged_arn),
    "ListVersionsByFunction": Operation(versions.list_versions_by_function, function_arn),
    "PublishVersion": Operation(versions.publish_version, function_arn),
    "PutFunctionConcurrency": Operation(concurrency.put_function_concurrency, function_arn),
    "PutFunctionEventInvokeConfig": Operation(event_config.put_event_invoke_config, function_arn),
    "RemovePermission": Operation(permissions.remove_permission, function_arn),
    "TagResource": Operation(tagging.tag_resource, tagging.tagged_arn),
    "UntagResource": Operation(tagging.untag_resource, tagging.tagged_arn),
    "UpdateAlias": Operation(aliases.update_alias, function_arn),
    "UpdateFunctionCode": Operation(functions.update_function_code, function_arn),
    "UpdateFunctionConfiguration": Operation(functions.update_function_configuration, function_arn),
}
