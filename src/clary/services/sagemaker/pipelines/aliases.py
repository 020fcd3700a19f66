"""Aliases of a pipeline's versions. They are kept with the pipeline, so that one alias never means two versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.base.errors import ResourceNotFound, ValidationException
from clary.services.sagemaker.pipelines.names import get_version
from clary.store.database import Transaction
from clary.store.resources import Resource

_MOST = 10


def aliases_of(pipeline: Resource, version: int) -> list[str]:
    """The aliases of one version, by name."""
    return sorted(alias for alias, number in _all(pipeline.document).items() if number == version)


def chosen_version(tx: Transaction, pipeline: Resource, request: Mapping[str, Any]) -> Resource:
    """The version that a request names by number or by alias; else the latest."""
    alias = request.get("PipelineVersionAlias")
    if alias is None:
        return get_version(tx, pipeline, request.get("PipelineVersionId") or pipeline.document["version"])
    if "PipelineVersionId" in request:
        raise ValidationException("Give PipelineVersionId or PipelineVersionAlias, not both.")
    return get_version(tx, pipeline, number_of(pipeline, alias))


def number_of(pipeline: Resource, alias: str) -> int:
    number = _all(pipeline.document).get(alias)
    if number is None:
        raise ResourceNotFound(f"Pipeline '{pipeline.arn}' has no version with the alias {alias}.")
    return number


def assigned(document: Mapping[str, Any], version: int, add: list[str], remove: list[str]) -> dict[str, int]:
    """All aliases of the pipeline with this document, after some of one version's have been added and removed."""
    if set(add) & set(remove):
        raise ValidationException("An alias cannot be added and removed at the same time.")
    known = _all(document)
    for alias in remove:
        if known.get(alias) != version:
            raise ValidationException(f"Version {version} does not have the alias {alias}.")
    left = {alias: number for alias, number in known.items() if alias not in remove}
    for alias in add:
        if left.get(alias, version) != version:
            raise ValidationException(f"The alias {alias} is that of version {left[alias]}. Remove it there first.")
        left[alias] = version
    if list(left.values()).count(version) > _MOST:
        raise ValidationException(f"A version has at most {_MOST} aliases.")
    return left


def _all(document: Mapping[str, Any]) -> Mapping[str, int]:
    aliases: Mapping[str, int] = document.get("aliases") or {}
    return aliases
