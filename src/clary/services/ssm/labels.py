"""LabelParameterVersion and UnlabelParameterVersion: names for versions, each at one version at a time."""

from __future__ import annotations

import re
from typing import Any

from clary.services.context import Context
from clary.services.ssm import names
from clary.services.ssm.errors import ssm_error, version_not_found
from clary.store import parameters
from clary.store.database import Transaction
from clary.store.parameters import Parameter, Version

_LABEL = re.compile(r"[a-zA-Z_.\-][a-zA-Z0-9_.\-]{0,99}")
_MOST = 10


def label_parameter_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    labels = list(dict.fromkeys(request["Labels"]))
    good = [label for label in labels if _LABEL.fullmatch(label) and not label.lower().startswith(("aws", "ssm"))]
    with context.database.write() as tx:
        parameter = names.get(tx, context, names.select(context, request["Name"]).name)
        version = _version(tx, parameter, request.get("ParameterVersion", parameter.version))
        kept = [label for label in version.document["Labels"] if label not in good]
        if len(kept) + len(good) > _MOST:
            raise ssm_error(
                "ParameterVersionLabelLimitExceeded", f"A parameter version can have a maximum of {_MOST} labels."
            )
        for other in parameters.versions(tx, parameter):
            if other.version != version.version:
                _set(tx, other, [label for label in other.document["Labels"] if label not in good])
        _set(tx, version, kept + good)
    return {"InvalidLabels": [label for label in labels if label not in good], "ParameterVersion": version.version}


def unlabel_parameter_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        parameter = names.get(tx, context, names.select(context, request["Name"]).name)
        version = _version(tx, parameter, request["ParameterVersion"])
        there = version.document["Labels"]
        _set(tx, version, [label for label in there if label not in request["Labels"]])
    removed = [label for label in request["Labels"] if label in there]
    return {"RemovedLabels": removed, "InvalidLabels": [name for name in request["Labels"] if name not in removed]}


def _version(tx: Transaction, parameter: Parameter, number: int) -> Version:
    found = parameters.get_version(tx, parameter, number)
    if found is None:
        raise version_not_found(parameter.name, str(number))
    return found


def _set(tx: Transaction, version: Version, labels: list[str]) -> None:
    if labels != version.document["Labels"]:
        parameters.change_version(tx, version, {**version.document, "Labels": labels})
