"""What Search finds of trials and trial components beside their own rows: each other, their jobs, their metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clary.services.sagemaker import processing_jobs, training_jobs
from clary.services.sagemaker.experiments import components, metrics, trials
from clary.services.sagemaker.experiments.job_components import job_of, state
from clary.services.sagemaker.experiments.rows import COMPONENT, TRIAL
from clary.services.sagemaker.transform import jobs as transform_jobs
from clary.store import associations, attachments, projections, resources
from clary.store.database import Transaction
from clary.store.metric_series import Summary
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


def parents(tx: Transaction, query: Query, _paths: Sequence[str] | None) -> Mapping[int, Any]:
    """Of every component, by the id of its row."""
    known = dict(projections.read(tx, Query(query.account, query.region, TRIAL), ("name", "/ExperimentName")))
    names = {row_id: {"TrialName": name, "ExperimentName": above} for row_id, (name, above) in known.items()}
    found = attachments.above(tx, query).items()
    return {row_id: [names[each] for each in above if each in names] for row_id, above in found}


def summaries(tx: Transaction, query: Query, _paths: Sequence[str] | None) -> Mapping[int, Any]:
    """TrialComponentSummaries of every trial."""
    wanted = Query(query.account, query.region, COMPONENT)
    fields = ("name", "arn", "created_at", "/Source", "/CreatedBy")
    known = dict(projections.read(tx, wanted, fields))
    found = attachments.below(tx, query).items()
    return {row_id: [_summary(*known[each]) for each in below if each in known] for row_id, below in found}


def reported(tx: Transaction, query: Query, paths: Sequence[str] | None) -> Mapping[int, Any]:
    """Metrics: what runs have reported, and what the logs of jobs have shown."""
    names = None if paths is None else _metric_names(paths)
    jobs = list(_of_jobs(tx, query, "/Source/SourceArn", ("/metrics",)))
    meant = {row_id for row_id, _, _ in jobs}
    found: dict[int, list[dict[str, Any]]] = {}
    for row_id, summary in _summaries(tx, names, paths):
        if row_id in meant:
            found.setdefault(row_id, []).append(summary)
    for row_id, _, job in jobs:
        wanted = [each for each in (job and job[0]) or () if names is None or each["MetricName"] in names]
        if wanted:
            found.setdefault(row_id, []).extend(metrics.of_job("", wanted))
    return found


def _summaries(
    tx: Transaction, names: set[str] | None, paths: Sequence[str] | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """By the id of the component. Of thousands only those members are built that are looked at."""
    members = None if paths is None else metrics.named_members({path.split(".")[-1].lower() for path in paths})
    if members is None:
        for row_id, *summary in attachments.metrics(tx, names):
            yield row_id, metrics.summary_member("", Summary(*summary))
        return
    members = {"MetricName": "name", "Last": "last", **members}
    for row_id, *values in attachments.metrics(tx, names, tuple(members.values())):
        yield row_id, dict(zip(members, values, strict=True))


def status(tx: Transaction, query: Query, _paths: Sequence[str] | None) -> Mapping[int, Any]:
    """Of a component that was made for a job, what the job says; so with the times."""
    return {
        row_id: own if job is None else state(job[0], {"failure": job[1]})["Status"]
        for row_id, own, job in _of_jobs(tx, query, "/Status", ("status", "/failure"))
    }


def start_time(tx: Transaction, query: Query, _paths: Sequence[str] | None) -> Mapping[int, Any]:
    found = _of_jobs(tx, query, "/StartTime", ("/started",))
    return {row_id: (job and job[0]) or own for row_id, own, job in found}


def end_time(tx: Transaction, query: Query, _paths: Sequence[str] | None) -> Mapping[int, Any]:
    found = _of_jobs(tx, query, "/EndTime", ("/ended",))
    return {row_id: (job and job[0]) or own for row_id, own, job in found}


def _metric_names(paths: Sequence[str]) -> set[str]:
    """What the metric of each path may be called: names have dots in them, and a member may follow."""
    return {".".join(path.split(".")[:length]) for path in paths for length in range(1, path.count(".") + 2)}


def _of_jobs(
    tx: Transaction, query: Query, own: str, fields: Sequence[str]
) -> Iterator[tuple[int, Any, tuple[Any, ...] | None]]:
    """Of every component the id, a field of its own, and those of the job that it was made for."""
    by_arn: dict[str, tuple[Any, ...]] = {}
    for kind in _DETAILS:
        found = projections.read(tx, Query(query.account, query.region, kind), ("arn", *fields))
        by_arn |= {values[0]: values[1:] for _, values in found}
    for row_id, (mine, arn) in projections.read(tx, query, (own, "/Source/SourceArn")):
        yield row_id, mine, by_arn.get(arn)


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
