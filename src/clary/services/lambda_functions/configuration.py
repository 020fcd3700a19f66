"""The configuration of a function: what CreateFunction and UpdateFunctionConfiguration may say, and its defaults."""

from __future__ import annotations

import platform
import uuid
from datetime import datetime
from typing import Any

from clary.base.errors import NotServed
from clary.services.context import Context
from clary.services.lambda_functions.names import Named, invalid, refuse_unserved
from clary.store.functions import LATEST
from clary.store.resources import Resource

_UNSERVED = (
    "Layers",
    "FileSystemConfigs",
    "ImageConfig",
    "CodeSigningConfigArn",
    "KMSKeyArn",
    "TenancyConfig",
    "CapacityProviderConfig",
    "DurableConfig",
    "RuntimeConfig",
    "AcceleratorConfig",
    "PublishTo",
)
_TAKEN = ("Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize", "EphemeralStorage")
# The service model allows more than ordinary functions may have.
_MOST = {"Timeout": 900, "MemorySize": 10_240}
_MOST_STORAGE = 10_240
_ENVIRONMENT_BYTES = 4096
_RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
# What a version shares with $LATEST when nothing has changed in between.
_OWN = frozenset({"Version", "RevisionId", "LastModified", "Description"})


def new_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """From CreateFunction; code and revision are added by `stamped`."""
    _check_kind(request)
    configuration = {
        "FunctionName": "",
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "EphemeralStorage": {"Size": 512},
        "PackageType": "Zip",
        "Architectures": [_architecture()],
        "TracingConfig": {"Mode": "PassThrough"},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "Version": LATEST,
    }
    return changed_configuration(context, "CreateFunction", configuration, request)


def changed_configuration(
    context: Context, operation: str, configuration: dict[str, Any], request: dict[str, Any]
) -> dict[str, Any]:
    """With the members that the request has. Raises what AWS answers for impossible ones."""
    _refuse(operation, request)
    _check_sizes(request)
    if "Runtime" in request:
        context.functions.check_runtime(request["Runtime"])
    changed = {**configuration, **{name: request[name] for name in _TAKEN if name in request}}
    if "Environment" in request:
        variables = request["Environment"].get("Variables", {})
        _check_variables(variables)
        changed["Environment"] = {"Variables": variables}
    if "DeadLetterConfig" in request:
        changed["DeadLetterConfig"] = _dead_letter(request["DeadLetterConfig"])
    if "LoggingConfig" in request:
        changed["LoggingConfig"] = {**request["LoggingConfig"], "LogFormat": "Text"}
    return {name: value for name, value in changed.items() if value not in (None, {})}


def stamped(configuration: dict[str, Any], now: datetime, **members: Any) -> dict[str, Any]:
    """A new revision: every change of code or configuration is one."""
    return {**configuration, **members, "RevisionId": str(uuid.uuid4()), "LastModified": wire_time(now)}


def wire_time(moment: datetime) -> str:
    """As Lambda writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def shown(function: Resource, holder: Resource, who: Named | None = None) -> dict[str, Any]:
    """A FunctionConfiguration; `holder` is the function or a version. The ARN is as it was asked for."""
    configuration = holder.document["configuration"]
    version = configuration["Version"]
    arn = function.arn if version == LATEST else f"{function.arn}:{version}"
    if who is not None and who.qualifier:
        arn = f"{function.arn}:{who.qualifier}"
    logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.name}"}
    return {
        **configuration,
        "FunctionName": function.name,
        "FunctionArn": arn,
        "LoggingConfig": {**logging, **configuration.get("LoggingConfig", {})},
    }


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two configurations (with their code) would behave alike."""
    names = (set(one) | set(other)) - _OWN
    return all(one.get(name) == other.get(name) for name in names)


def _check_kind(request: dict[str, Any]) -> None:
    if request.get("PackageType", "Zip") != "Zip":
        raise NotServed("CreateFunction with PackageType Image is not served by this version of Clary.")
    for name in ("Runtime", "Handler"):
        if name not in request:
            raise invalid(f"{name} is mandatory for functions created with deployment packages.")
    wanted = request.get("Architectures", [_architecture()])
    if wanted != [_architecture()]:
        raise NotServed(
            f"CreateFunction with Architectures {', '.join(wanted)} is not served on this {_architecture()} machine."
        )


def _refuse(operation: str, request: dict[str, Any]) -> None:
    refuse_unserved(operation, request, *_UNSERVED)
    network = request.get("VpcConfig") or {}
    refuse_unserved(f"{operation} and VpcConfig", network, "SubnetIds", "SecurityGroupIds")
    if request.get("TracingConfig", {}).get("Mode", "PassThrough") != "PassThrough":
        raise NotServed(f"{operation} with TracingConfig Active is not served by this version of Clary.")
    if request.get("SnapStart", {}).get("ApplyOn", "None") != "None":
        raise NotServed(f"{operation} with SnapStart is not served by this version of Clary.")
    if request.get("LoggingConfig", {}).get("LogFormat", "Text") != "Text":
        raise NotServed(f"{operation} with LogFormat JSON is not served by this version of Clary.")


def _check_sizes(request: dict[str, Any]) -> None:
    given = [(name[0].lower() + name[1:], request.get(name), most) for name, most in _MOST.items()]
    given.append(("ephemeralStorage.size", (request.get("EphemeralStorage") or {}).get("Size"), _MOST_STORAGE))
    broken = [
        f"Value '{value}' at '{path}' failed to satisfy constraint: Member must have value less than or equal to "
        f"{most}"
        for path, value, most in given
        if value is not None and value > most
    ]
    if broken:
        plural = "error" if len(broken) == 1 else "errors"
        raise invalid(f"{len(broken)} validation {plural} detected: {'; '.join(broken)}")


def _check_variables(variables: dict[str, str]) -> None:
    reserved = sorted(_RESERVED & variables.keys())
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    if any("\0" in value for value in variables.values()):
        raise invalid("Environment variables may not contain NUL characters.")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > _ENVIRONMENT_BYTES:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. (They measure {size} bytes.)"
        )


def _dead_letter(config: dict[str, Any]) -> dict[str, Any]:
    target = config.get("TargetArn", "")
    if target and ":sqs:" not in target:
        raise NotServed("A DeadLetterConfig with another target than an SQS queue is not served by this version.")
    return {"TargetArn": target} if target else {}


def _architecture() -> str:
    return "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
