"""PutParameter, DeleteParameter and DeleteParameters."""

from __future__ import annotations

from typing import Any

from clary.base.errors import NotServed, ValidationException
from clary.services.context import Context
from clary.services.ssm import names
from clary.services.ssm.encryption import encrypt
from clary.services.ssm.errors import not_found, ssm_error
from clary.services.ssm.patterns import check_allowed
from clary.services.ssm.tagging import checked_tags
from clary.store import parameters
from clary.store.database import Transaction
from clary.store.parameters import Parameter

DEFAULT_KEY = "alias/aws/ssm"
_LARGEST = {"Standard": 4096, "Advanced": 8192}
_KEPT = ("Description", "AllowedPattern", "Tier", "DataType", "KeyId")
_VERSIONS = 100


def put_parameter(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _refuse(request)
    name = names.select(context, request["Name"]).name if request["Name"].startswith("arn:") else request["Name"]
    names.check_new(name)
    pattern = _pattern(context, name, request)
    if pattern:  # outside of the transaction, because it may take seconds
        check_allowed(pattern, request["Value"])
    with context.database.write() as tx:
        parameter = parameters.find(tx, context.account, context.region, name)
        if parameter is not None and not request.get("Overwrite"):
            raise ssm_error(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to "
                "true.",
            )
        document = _document(tx, context, name, parameter, request)
        if document.get("AllowedPattern", "") != pattern:
            raise ssm_error(
                "TooManyUpdates", "There are concurrent updates for a resource that supports one update at a time."
            )
        if parameter is None:
            tags = checked_tags(request.get("Tags", []))
            parameter = parameters.create(tx, context.account, context.region, name, {"Tags": tags})
        else:
            _make_room(tx, parameter)
        version = parameters.add_version(tx, parameter, document)
    return {"Version": version, "Tier": document["Tier"]}


def delete_parameter(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    selected = names.select(context, request["Name"])
    if selected.selector:
        raise not_found(request["Name"])
    with context.database.write() as tx:
        parameters.remove(tx, names.get(tx, context, selected.name))
    return {}


def delete_parameters(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    deleted, invalid = [], []
    for text in request["Names"]:
        context.authorize("ssm:DeleteParameters", names.arn(context, names.select(context, text).name))
    with context.database.write() as tx:
        for text in dict.fromkeys(request["Names"]):
            selected = names.select(context, text)
            found = parameters.find(tx, context.account, context.region, selected.name)
            if found is None or selected.selector:
                invalid.append(text)
                continue
            parameters.remove(tx, found)
            deleted.append(text)
    return {"DeletedParameters": deleted, "InvalidParameters": invalid}


def _refuse(request: dict[str, Any]) -> None:
    if request.get("Policies", "") not in ("", "[]"):
        raise NotServed("PutParameter with Policies is not served by this version of Clary.")
    if request.get("DataType", "text") != "text":
        raise NotServed(f"PutParameter with DataType {request['DataType']} is not served by this version of Clary.")
    if request.get("KeyId", DEFAULT_KEY) != DEFAULT_KEY:
        raise ssm_error("InvalidKeyId", f"Only the key {DEFAULT_KEY} is there: Clary has no key management service.")
    if request.get("Overwrite") and request.get("Tags"):
        raise ValidationException(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
            "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
            "RemoveTagsFromResource."
        )
    if not request["Value"]:
        raise ValidationException("The value of a parameter may not be empty.")


def _pattern(context: Context, name: str, request: dict[str, Any]) -> str:
    """The expression that the value must match: a new one, or the one that the parameter has."""
    if "AllowedPattern" in request:
        return str(request["AllowedPattern"])
    with context.database.read() as tx:
        parameter = parameters.find(tx, context.account, context.region, name)
        newest = parameters.get_version(tx, parameter, parameter.version) if parameter else None
    return str(newest.document.get("AllowedPattern", "")) if newest else ""


def _document(
    tx: Transaction, context: Context, name: str, parameter: Parameter | None, request: dict[str, Any]
) -> dict[str, Any]:
    """A version: what the request says, and what it leaves out as it was before."""
    before: dict[str, Any] = {}
    if parameter is not None:
        newest = parameters.get_version(tx, parameter, parameter.version)
        before = newest.document if newest else {}
    kind = _kind(before, request)
    value = request["Value"]
    document = {
        **{key: before[key] for key in _KEPT if key in before},
        **{key: request[key] for key in _KEPT if key in request},
        "Type": kind,
        "DataType": "text",
        "Tier": _tier(before, request),
        "Value": encrypt(context, name, value) if kind == "SecureString" else value,
        "User": context.principal.arn,
        "Modified": int(context.now.timestamp() * 1000),
        "Labels": [],
    }
    if kind == "SecureString":
        document["KeyId"] = DEFAULT_KEY
    elif "KeyId" in request:
        raise ValidationException(f"KeyId is required for SecureString type parameter only. (The type is {kind}.)")
    return document


def _kind(before: dict[str, Any], request: dict[str, Any]) -> str:
    kind: str | None = request.get("Type", before.get("Type"))
    if kind is None:
        raise ValidationException("A parameter type is required when you create a parameter.")
    if before and kind != before["Type"]:
        raise ssm_error(
            "HierarchyTypeMismatchException",
            f"The type of a parameter cannot be changed from {before['Type']} to {kind}; delete it first.",
        )
    return kind


def _tier(before: dict[str, Any], request: dict[str, Any]) -> str:
    size = len(request["Value"])
    tier = request.get("Tier", before.get("Tier", "Standard"))
    if tier == "Intelligent-Tiering":
        tier = "Advanced" if size > _LARGEST["Standard"] or before.get("Tier") == "Advanced" else "Standard"
    if tier == "Standard" and before.get("Tier") == "Advanced":
        raise ValidationException(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier."
        )
    if size > _LARGEST[tier]:
        raise ValidationException(
            f"{tier} tier parameters support a maximum parameter value of {_LARGEST[tier]} characters."
        )
    return str(tier)


def _make_room(tx: Transaction, parameter: Parameter) -> None:
    """The oldest of a hundred versions goes, unless somebody has given it a label."""
    if parameters.count_versions(tx, parameter) < _VERSIONS:
        return
    oldest = parameters.versions(tx, parameter)[0]
    if oldest.document["Labels"]:
        raise ssm_error(
            "ParameterMaxVersionLimitExceeded",
            f"The oldest version ({oldest.version}) of {parameter.name} has labels and cannot go.",
        )
    parameters.remove_version(tx, oldest)
