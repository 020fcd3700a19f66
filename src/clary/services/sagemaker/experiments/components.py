"""Trial components: Create, Describe, Update, Delete and List."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ResourceNotFound, ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.experiments import job_components, metrics, rows
from clary.store import associations, metric_series
from clary.store.database import Transaction
from clary.store.resources import Resource

_PLAIN = ("DisplayName", "Status", "StartTime", "EndTime")
_MAPS = {"Parameters": 300, "InputArtifacts": 60, "OutputArtifacts": 60}
_HIDDEN = frozenset({*_MAPS, "MetadataProperties", "RunName", "Source"})


def create_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    document = rows.chosen(request, *_PLAIN, *_MAPS, "MetadataProperties")
    with context.database.write() as tx:
        row = rows.add(tx, context, rows.COMPONENT, request["TrialComponentName"], document, request.get("Tags"))
    return {"TrialComponentArn": row.arn}


def component_arn(context: Context, request: dict[str, Any]) -> str:
    """For permissions: a component may be named by its ARN."""
    given: str = request["TrialComponentName"]
    return given.lower() if given.startswith("arn:") else names.arn(context, rows.COMPONENT, given)


def describe_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = component_arn(context, request)
    with context.database.read() as tx:
        row = names.get(tx, context, rows.COMPONENT, arn.rsplit("/", 1)[-1])
        if row.arn != arn:
            raise ResourceNotFound(f"Requested resource not found: {arn}")
        return described(tx, row)


def described(tx: Transaction, row: Resource) -> dict[str, Any]:
    """What Describe answers, and what Search finds."""
    reported = [metrics.summary_member(row.arn, each) for each in metric_series.summaries(tx, row.id)]
    found = [*reported, *job_components.final_metrics(tx, row)]
    shown = {**_plain(row), **job_components.seen(tx, row), "Metrics": found}
    shown.pop("RunName", None)
    return shown


def _plain(row: Resource) -> dict[str, Any]:
    return {
        "TrialComponentName": row.name,
        "TrialComponentArn": row.arn,
        "DisplayName": row.name,
        **row.document,
        **rows.times(row),
    }


def update_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = names.get(tx, context, rows.COMPONENT, request["TrialComponentName"])
        merged = {member: _merged(row, request, member, most) for member, most in _MAPS.items()}
        rows.change(tx, context, row, {**rows.chosen(request, *_PLAIN), **merged})
    return {"TrialComponentArn": row.arn}


def delete_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = rows.delete(context, rows.COMPONENT, request["TrialComponentName"], "is associated with trials")
    return {"TrialComponentArn": arn}


def list_trial_components(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if len(request.keys() & {"ExperimentName", "TrialName", "SourceArn"}) > 1:
        raise ValidationException("Only one of ExperimentName, TrialName and SourceArn may be specified.")
    source = request.get("SourceArn")
    with context.database.read() as tx:
        ids = _wanted(tx, context, request)
        return rows.list_page(
            tx,
            context,
            request,
            rows.COMPONENT,
            member="TrialComponentSummaries",
            wanted=lambda row: (ids is None or row.id in ids) and (source is None or _source(row) == source),
            summary=lambda row: _summary(tx, row),
        )


def _summary(tx: Transaction, row: Resource) -> dict[str, Any]:
    described = {**_plain(row), **job_components.seen(tx, row)}
    shown = {key: value for key, value in described.items() if key not in _HIDDEN}
    return {**shown, "TrialComponentSource": row.document.get("Source")}


def _merged(row: Resource, request: dict[str, Any], member: str, most: int) -> dict[str, Any]:
    """New entries join the old ones or replace them; those to remove go."""
    entries = {**row.document.get(member, {}), **request.get(member, {})}
    for key in request.get(f"{member}ToRemove", []):
        entries.pop(key, None)
    if len(entries) > most:
        raise ValidationException(f"A trial component may have at most {most} {member}.")
    return entries


def _wanted(tx: Transaction, context: Context, request: dict[str, Any]) -> set[int] | None:
    """Ids of the components of a trial, or of all trials of an experiment; None when neither is asked for."""
    if "TrialName" in request:
        return associations.below_of(tx, [names.get(tx, context, rows.TRIAL, request["TrialName"]).id])
    if "ExperimentName" in request:
        experiment = names.get(tx, context, rows.EXPERIMENT, request["ExperimentName"])
        return associations.below_of(tx, sorted(associations.below_of(tx, [experiment.id])))
    return None


def _source(row: Resource) -> str | None:
    source: str | None = row.document.get("Source", {}).get("SourceArn")
    return source
