"""Trials of an experiment: Create, Describe, Update, Delete and List."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.experiments import rows
from clary.store import associations
from clary.store.database import Transaction
from clary.store.resources import Resource

_HIDDEN = frozenset({"CreatedBy", "ExperimentName", "LastModifiedBy", "MetadataProperties"})


def create_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        experiment = names.get(tx, context, rows.EXPERIMENT, request["ExperimentName"])
        document = rows.chosen(request, "DisplayName", "MetadataProperties") | {"ExperimentName": experiment.name}
        row = rows.add(tx, context, rows.TRIAL, request["TrialName"], document, request.get("Tags"))
        associations.join(tx, experiment.id, row.id)
    return {"TrialArn": row.arn}


def describe_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return described(names.get(tx, context, rows.TRIAL, request["TrialName"]))


def described(row: Resource) -> dict[str, Any]:
    """What Describe answers, and what Search finds."""
    return {"TrialName": row.name, "TrialArn": row.arn, "DisplayName": row.name, **row.document, **rows.times(row)}


def update_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = names.get(tx, context, rows.TRIAL, request["TrialName"])
        rows.change(tx, context, row, rows.chosen(request, "DisplayName"))
    return {"TrialArn": row.arn}


def delete_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"TrialArn": rows.delete(context, rows.TRIAL, request["TrialName"], "has trial components")}


def list_trials(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        ids = _wanted(tx, context, request)
        return rows.list_page(
            tx,
            context,
            request,
            rows.TRIAL,
            member="TrialSummaries",
            wanted=lambda row: ids is None or row.id in ids,
            summary=_summary,
        )


def _wanted(tx: Transaction, context: Context, request: dict[str, Any]) -> set[int] | None:
    """Ids of the trials that both filters leave; None when there is no filter."""
    found: list[set[int]] = []
    if "ExperimentName" in request:
        experiment = names.get(tx, context, rows.EXPERIMENT, request["ExperimentName"])
        found.append(associations.below_of(tx, [experiment.id]))
    if "TrialComponentName" in request:
        component = names.get(tx, context, rows.COMPONENT, request["TrialComponentName"])
        found.append(associations.above_of(tx, component.id))
    return set.intersection(*found) if found else None


def _summary(row: Resource) -> dict[str, Any]:
    return {key: value for key, value in described(row).items() if key not in _HIDDEN}
