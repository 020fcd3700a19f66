"""ParameterFilters of DescribeParameters and GetParametersByPath."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary.services.ssm.errors import ssm_error
from clary.store.parameters import Parameter, Version

_ANY_TEXT = ("Equals", "BeginsWith", "Contains")
_OPTIONS: Mapping[str, Sequence[str]] = {
    "Name": _ANY_TEXT,
    "Type": ("Equals", "BeginsWith"),
    "KeyId": ("Equals", "BeginsWith"),
    "Path": ("OneLevel", "Recursive"),
    "Tier": ("Equals",),
    "DataType": ("Equals", "BeginsWith"),
    "Label": ("Equals",),
}
_BY_PATH = frozenset({"Type", "KeyId", "Label"})
_DESCRIBED = frozenset({"Name", "Type", "KeyId", "Path", "Tier", "DataType"})


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: any of its values fits. All filters of a request must fit."""

    key: str
    option: str
    values: tuple[str, ...]


def description_filters(given: Sequence[dict[str, Any]]) -> list[Filter]:
    return [_filter(item, _DESCRIBED, tags=True) for item in given]


def path_filters(given: Sequence[dict[str, Any]]) -> list[Filter]:
    return [_filter(item, _BY_PATH, tags=False) for item in given]


def matches(filters: Sequence[Filter], parameter: Parameter, version: Version) -> bool:
    return all(_fits(item, parameter, version) for item in filters)


def _filter(item: dict[str, Any], keys: frozenset[str], *, tags: bool) -> Filter:
    key = item["Key"]
    is_tag = key.startswith("tag:")
    if (is_tag != tags and is_tag) or (not is_tag and key not in keys):
        raise ssm_error("InvalidFilterKey", f"The following filter key is not valid: {key}.")
    options = ("Equals",) if is_tag else _OPTIONS[key]
    option = item.get("Option", options[0])
    if option not in options:
        raise ssm_error(
            "InvalidFilterOption",
            f"The following filter option is not valid: {option}. Valid options include: {list(options)}.",
        )
    values = tuple(item.get("Values", ()))
    if not values and not is_tag:
        raise ssm_error("InvalidFilterValue", "The following filter values are missing : null for filter key " + key)
    if key == "Path" and any(not value.startswith("/") for value in values):
        raise ssm_error("InvalidFilterValue", "The parameter path must begin with a forward slash.")
    return Filter(key, option, values)


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "Equals": lambda text, value: text == value,
    "BeginsWith": lambda text, value: text.startswith(value),
    "Contains": lambda text, value: value in text,
    "Recursive": lambda text, value: text.startswith(value.rstrip("/") + "/"),
    "OneLevel": lambda text, value: (
        text.startswith(value.rstrip("/") + "/") and "/" not in text.removeprefix(value.rstrip("/") + "/")
    ),
}


def _fits(item: Filter, parameter: Parameter, version: Version) -> bool:
    if item.key.startswith("tag:"):
        tags = parameter.document["Tags"]
        name = item.key.removeprefix("tag:")
        return name in tags and (not item.values or tags[name] in item.values)
    if item.key == "Label":
        return any(value in version.document["Labels"] for value in item.values)
    text = parameter.name if item.key in {"Name", "Path"} else str(version.document.get(item.key, ""))
    return any(_TESTS[item.option](text, value) for value in item.values)
