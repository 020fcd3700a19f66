"""GetParameter, GetParameters, GetParametersByPath, GetParameterHistory and DescribeParameters."""

from __future__ import annotations

from typing import Any

from clary.base.clock import from_epoch_ms
from clary.base.errors import ApiError, NotServed, ValidationException
from clary.services.context import Context
from clary.services.ssm import names
from clary.services.ssm.encryption import decrypt
from clary.services.ssm.filters import Filter, description_filters, matches, path_filters
from clary.store import parameters
from clary.store.parameters import Parameter, Version

_BATCH = 200


def get_parameter(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"Parameter": _selected(context, request["Name"], bool(request.get("WithDecryption")))}


def get_parameters(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The caller needs permission for each of them."""
    if len(set(request["Names"])) != len(request["Names"]):
        raise ValidationException("Duplicate parameters are found in the list of names.")
    for text in request["Names"]:
        context.authorize("ssm:GetParameters", names.arn(context, names.select(context, text).name))
    found, invalid = [], []
    for text in request["Names"]:
        try:
            found.append(_selected(context, text, bool(request.get("WithDecryption"))))
        except ApiError as error:
            if error.code not in {"ParameterNotFound", "ParameterVersionNotFound"}:
                raise
            invalid.append(text)
    return {"Parameters": found, "InvalidParameters": invalid}


def get_parameters_by_path(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    path = request["Path"]
    if not path.startswith("/"):
        raise ValidationException("The parameter path must begin with a forward slash.")
    prefix = path.rstrip("/") + "/"
    filters = path_filters(request.get("ParameterFilters", []))
    recursive = bool(request.get("Recursive"))
    scope = f"{context.account}/{context.region}/{prefix}/{recursive}/{request.get('ParameterFilters')}"

    def wanted(parameter: Parameter, version: Version) -> bool:
        below = parameter.name.removeprefix(prefix)
        return (recursive or "/" not in below) and matches(filters, parameter, version)

    rows, more = _page(context, request, "GetParametersByPath", scope, wanted, prefix)
    with_decryption = bool(request.get("WithDecryption"))
    return {"Parameters": [_shown(context, *row, with_decryption) for row in rows], **more}


def get_parameter_history(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Oldest first."""
    selected = names.select(context, request["Name"])
    with context.database.read() as tx:
        parameter = names.get(tx, context, selected.name)
        rows = parameters.versions(tx, parameter)
    scope = names.arn(context, parameter.name)
    if "NextToken" in request:
        (last,) = context.pager.decode("GetParameterHistory", scope, request["NextToken"])
        rows = [row for row in rows if row.version > last]
    size = request.get("MaxResults", 50)
    with_decryption = bool(request.get("WithDecryption"))
    answer: dict[str, Any] = {
        "Parameters": [
            {
                **_metadata(context, parameter, row),
                "Value": _value(context, parameter, row, with_decryption),
                "Labels": row.document["Labels"],
            }
            for row in rows[:size]
        ]
    }
    if len(rows) > size:
        answer["NextToken"] = context.pager.encode("GetParameterHistory", scope, [rows[size - 1].version])
    return answer


def describe_parameters(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    for member in ("Filters", "Shared"):
        if request.get(member):
            raise NotServed(f"DescribeParameters with {member} is not served by this version of Clary.")
    given = request.get("ParameterFilters", [])
    filters = description_filters(given)

    def wanted(parameter: Parameter, version: Version) -> bool:
        return matches(filters, parameter, version)

    scope = f"{context.account}/{context.region}/{given}"
    rows, more = _page(context, request, "DescribeParameters", scope, wanted, _common_prefix(filters), 50)
    described = [{**_metadata(context, *row), "ARN": names.arn(context, row[0].name)} for row in rows]
    return {"Parameters": described, **more}


def _common_prefix(filters: list[Filter]) -> str:
    """What every match begins with, as far as a filter says it: then the database need not read the others."""
    prefixes = [f.values[0] for f in filters if f.key == "Name" and f.option == "BeginsWith" and len(f.values) == 1]
    return prefixes[0] if prefixes else ""


def _page(
    context: Context,
    request: dict[str, Any],
    operation: str,
    scope: str,
    wanted: Any,
    prefix: str,
    default: int = 10,
) -> tuple[list[tuple[Parameter, Version]], dict[str, Any]]:
    """The rows of one page, and the token when there are more."""
    size = request.get("MaxResults", default)
    after = ""
    if "NextToken" in request:
        (after,) = context.pager.decode(operation, scope, request["NextToken"])
    found: list[tuple[Parameter, Version]] = []
    with context.database.read() as tx:
        while len(found) <= size:
            rows = parameters.page(tx, context.account, context.region, prefix=prefix, after=after, limit=_BATCH)
            found += [row for row in rows if wanted(*row)]
            if len(rows) < _BATCH:
                break
            after = rows[-1][0].name
    if len(found) <= size:
        return found, {}
    return found[:size], {"NextToken": context.pager.encode(operation, scope, [found[size - 1][0].name])}


def _selected(context: Context, text: str, with_decryption: bool) -> dict[str, Any]:
    selected = names.select(context, text)
    with context.database.read() as tx:
        parameter, version = names.get_version(tx, context, selected)
    shown = _shown(context, parameter, version, with_decryption)
    return {**shown, "Selector": f":{selected.selector}"} if selected.selector else shown


def _shown(context: Context, parameter: Parameter, version: Version, with_decryption: bool) -> dict[str, Any]:
    return {
        "Name": parameter.name,
        "Type": version.document["Type"],
        "Value": _value(context, parameter, version, with_decryption),
        "Version": version.version,
        "LastModifiedDate": from_epoch_ms(version.document["Modified"]),
        "ARN": names.arn(context, parameter.name),
        "DataType": version.document["DataType"],
    }


def _value(context: Context, parameter: Parameter, version: Version, with_decryption: bool) -> str:
    value: str = version.document["Value"]
    if version.document["Type"] == "SecureString" and with_decryption:
        return decrypt(context, parameter.name, value)
    return value


def _metadata(context: Context, parameter: Parameter, version: Version) -> dict[str, Any]:
    document = version.document
    optional = {key: document[key] for key in ("KeyId", "Description", "AllowedPattern") if document.get(key)}
    return {
        "Name": parameter.name,
        "Type": document["Type"],
        **optional,
        "LastModifiedDate": from_epoch_ms(document["Modified"]),
        "LastModifiedUser": document["User"],
        "Version": version.version,
        "Tier": document["Tier"],
        "Policies": [],
        "DataType": document["DataType"],
    }
