"""Experiments: Create, Describe, Update, Delete and List."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.experiments import rows
from clary.store.resources import Resource

_HIDDEN = frozenset({"CreatedBy", "Description", "LastModifiedBy"})


def create_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document = rows.chosen(request, "DisplayName", "Description")
    with context.database.write() as tx:
        row = rows.add(tx, context, rows.EXPERIMENT, request["ExperimentName"], document, request.get("Tags"))
    return {"ExperimentArn": row.arn}


def describe_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return described(names.get(tx, context, rows.EXPERIMENT, request["ExperimentName"]))


def described(row: Resource) -> dict[str, Any]:
    """What Describe answers, and what Search finds."""
    return {
        "ExperimentName": row.name,
        "ExperimentArn": row.arn,
        "DisplayName": row.name,
        **row.document,
        **rows.times(row),
    }


def update_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = names.get(tx, context, rows.EXPERIMENT, request["ExperimentName"])
        rows.change(tx, context, row, rows.chosen(request, "DisplayName", "Description"))
    return {"ExperimentArn": row.arn}


def delete_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"ExperimentArn": rows.delete(context, rows.EXPERIMENT, request["ExperimentName"], "has trials")}


def list_experiments(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return rows.list_page(
            tx,
            context,
            request,
            rows.EXPERIMENT,
            member="ExperimentSummaries",
            wanted=lambda _row: True,
            summary=_summary,
        )


def _summary(row: Resource) -> dict[str, Any]:
    return {key: value for key, value in described(row).items() if key not in _HIDDEN}
