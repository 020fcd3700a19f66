"""Jobs and endpoints as the command line lists and describes them. For `clary status` and `clary logs`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from clary.base.settings import Settings
from clary.cli.client import client


@dataclass(frozen=True, slots=True)
class JobKind:
    """`prefix` is how the API calls it: List<prefix>s, Describe<prefix>, <prefix>Name, <prefix>Status.

    Kinds without a log group print nothing themselves.
    """

    label: str
    prefix: str
    operation: str
    log_group: str = ""


JOB_KINDS = (
    JobKind("training job", "TrainingJob", "training_job", "/aws/sagemaker/TrainingJobs"),
    JobKind("processing job", "ProcessingJob", "processing_job", "/aws/sagemaker/ProcessingJobs"),
    JobKind("transform job", "TransformJob", "transform_job", "/aws/sagemaker/TransformJobs"),
    JobKind("tuning job", "HyperParameterTuningJob", "hyper_parameter_tuning_job"),
)
ENDPOINT = JobKind("endpoint", "Endpoint", "endpoint")
"""Described as jobs are; the log of each endpoint is a group of its own."""

_ENDED = {"Completed", "Failed", "Stopped", "OutOfService"}


@dataclass(frozen=True, slots=True)
class Job:
    """One job or endpoint as a list or a description shows it."""

    kind: str
    name: str
    status: str
    created: datetime
    failure: str = ""

    @property
    def running(self) -> bool:
        """Whether it may still print."""
        return self.status not in _ENDED


def describe(settings: Settings, name: str) -> Job | None:
    """The job or endpoint of this name, whatever its kind."""
    sagemaker = client(settings, "sagemaker")
    for kind in (*JOB_KINDS, ENDPOINT):
        found = look_at(sagemaker, kind, name)
        if found is not None:
            return found
    return None


def look_at(sagemaker: Any, kind: JobKind, name: str) -> Job | None:
    """As its description shows it, which tells why it failed; most lists do not. None when it is not there."""
    try:
        answer = getattr(sagemaker, f"describe_{kind.operation}")(**{f"{kind.prefix}Name": name})
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"ResourceNotFound", "ValidationException"}:
            raise
        return None
    return _job(kind, answer)


def recent(sagemaker: Any, kind: JobKind, count: int) -> list[Job]:
    """The newest jobs of a kind; all that run are among them as long as fewer than 100 do."""
    found: dict[str, Job] = {}
    listing = getattr(sagemaker, f"list_{kind.operation}s")
    newest = {"SortBy": "CreationTime", "SortOrder": "Descending"}
    for filters in (
        {"StatusEquals": "InProgress", "MaxResults": 100},
        {"StatusEquals": "Stopping", "MaxResults": 100},
        {"MaxResults": count},
    ):
        for row in listing(**newest, **filters)[f"{kind.prefix}Summaries"]:
            job = _job(kind, row)
            found.setdefault(job.name, job)
    return sorted(found.values(), key=lambda job: job.created, reverse=True)


def _job(kind: JobKind, row: dict[str, Any]) -> Job:
    return Job(
        kind.label,
        row[f"{kind.prefix}Name"],
        row[f"{kind.prefix}Status"],
        row["CreationTime"],
        row.get("FailureReason", ""),
    )
