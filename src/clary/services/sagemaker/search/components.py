"""What Search finds of trials and trial components beside their own rows: each other, their jobs, their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clary.services.sagemaker import processing_jobs, training_jobs
from clary.services.sagemaker.experiments import components, metrics, trials
from clary.services.sagemaker.experiments.job_components import job_of, state
from clary.services.sagemaker.experiments.rows import COMPONENT, TRIAL
from clary.services.sagemaker.transform import jobs as transform_jobs
from clary.store import associations, attachments, projections, resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_DETAILS = {
    training_jobs.KIND: ("TrainingJob", training_jobs.described),
    processing_jobs.KIND: ("ProcessingJob", processing_jobs.described),
    transform_jobs.KIND: ("TransformJob", transform_jobs.described),
}


def component(tx: Transaction, row: Resource) -> dict[str, Any]:
    """With the trials and experiments that it is part of, and the job that it was made for."""
    above = resources.by_ids(tx, sorted(associations.above_of(tx, row.id)))
    parents = [{"TrialName": each.name, "ExperimentName": each.document["ExperimentName"]} for each in above]
    shown = components.described(tx, row)
    job = job_of(tx, row)
    if job is not None:
        member, described = _DETAILS[job.kind]
        shown["SourceDetail"] = {
            "SourceArn": job.arn,
            member: {name: value for name, value in described(job).items() if value is not None},
        }
    return {**shown, "Parents": parents or None, "RunName": row.document.get("RunName")}


def trial(tx: Transaction, row: Resource) -> dict[str, Any]:
    """With the components that are part of it."""
    below = resources.by_ids(tx, sorted(associations.below_of(tx, [row.id])))
    return {**trials.described(row), "TrialComponentSummaries": [_simple(each) for each in below] or None}


def parents(tx: Transaction, query: Query) -> Mapping[int, Any]:
    """Of every component, by the id of its row."""
    known = dict(projections.read(tx, Query(query.account, query.region, TRIAL), ("name", "/ExperimentName")))
    names = {row_id: {"TrialName": name, "ExperimentName": above} for row_id, (name, above) in known.items()}
    found = attachments.above(tx, query).items()
    return {row_id: [names[each] for each in above if each in names] for row_id, above in found}


def summaries(tx: Transaction, query: Query) -> Mapping[int, Any]:
    """TrialComponentSummaries of every trial."""
    wanted = Query(query.account, query.region, COMPONENT)
    fields = ("name", "arn", "created_at", "/Source", "/CreatedBy")
    known = dict(projections.read(tx, wanted, fields))
    found = attachments.below(tx, query).items()
    return {row_id: [_summary(*known[each]) for each in below if each in known] for row_id, below in found}


def reported(tx: Transaction, query: Query) -> Mapping[int, Any]:
    """Metrics: what runs have reported, and what the logs of jobs have shown."""
    found: dict[int, list[dict[str, Any]]] = {
        row_id: [metrics.summary_member("", each) for each in listed]
        for row_id, listed in attachments.metrics(tx, query).items()
    }
    for row_id, values in _of_jobs(tx, query, ("/metrics",)).items():
        found.setdefault(row_id, []).extend(metrics.of_job("", values["metrics"]))
    return {row_id: listed for row_id, listed in found.items() if listed}


def status(tx: Transaction, query: Query) -> Mapping[int, Any]:
    found = _own(tx, query, "/Status")
    for row_id, values in _of_jobs(tx, query, ("status", "/failure")).items():
        found[row_id] = state(values["status"], values)["Status"]
    return found


def start_time(tx: Transaction, query: Query) -> Mapping[int, Any]:
    return _own(tx, query, "/StartTime") | _known(_of_jobs(tx, query, ("/started",)), "started")


def end_time(tx: Transaction, query: Query) -> Mapping[int, Any]:
    return _own(tx, query, "/EndTime") | _known(_of_jobs(tx, query, ("/ended",)), "ended")


def _own(tx: Transaction, query: Query, pointer: str) -> dict[int, Any]:
    found = projections.read(tx, query, (pointer,))
    return {row_id: value for row_id, (value,) in found if value is not None}


def _known(found: Mapping[int, Mapping[str, Any]], name: str) -> dict[int, Any]:
    return {row_id: values[name] for row_id, values in found.items() if values[name] is not None}


def _of_jobs(tx: Transaction, query: Query, fields: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Values of the jobs that components were made for, by the component's id."""
    names = [field.removeprefix("/") for field in fields]
    by_arn: dict[str, dict[str, Any]] = {}
    for kind in _DETAILS:
        found = projections.read(tx, Query(query.account, query.region, kind), ("arn", *fields))
        by_arn |= {values[0]: dict(zip(names, values[1:], strict=True)) for _, values in found}
    sources = projections.read(tx, query, ("/Source/SourceArn",))
    return {row_id: by_arn[arn] for row_id, (arn,) in sources if arn in by_arn}


def _simple(row: Resource) -> dict[str, Any]:
    return _summary(row.name, row.arn, row.created_at, row.document.get("Source"), row.document.get("CreatedBy"))


def _summary(name: str, arn: str, created: Any, source: Any, made_by: Any) -> dict[str, Any]:
    shown = {
        "TrialComponentName": name,
        "TrialComponentArn": arn,
        "TrialComponentSource": source,
        "CreationTime": created,
        "CreatedBy": made_by,
    }
    return {member: value for member, value in shown.items() if value is not None}
