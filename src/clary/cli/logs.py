"""`clary logs NAME`: what a job or an endpoint printed, from CloudWatch Logs as any client would read it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from clary.base.errors import ConfigurationError
from clary.base.settings import load_settings
from clary.cli.client import client
from clary.cli.options import DataOption

_JOB_GROUPS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs")
_PAUSE_SECONDS = 0.5


def logs(
    name: Annotated[str, typer.Argument(help="Name of a training job, processing job or endpoint.")],
    data: DataOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new lines until Ctrl-C.")] = False,
) -> None:
    """Print the log of a job or an endpoint."""
    reader = client(load_settings(data=data), "logs")
    group, prefix = _find(reader, name)
    seen: set[str] = set()
    newest = 0
    while True:
        for event in _events(reader, group, prefix, newest):
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                newest = max(newest, event["timestamp"])
                moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                typer.echo(f"{moment:%H:%M:%S.%f}"[:12] + f" {event['message']}")
        if not follow:
            return
        time.sleep(_PAUSE_SECONDS)


def _find(reader: Any, name: str) -> tuple[str, str]:
    """(log group, stream prefix) of a job or an endpoint."""
    group = f"/aws/sagemaker/Endpoints/{name}"
    found = reader.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if any(item["logGroupName"] == group for item in found):
        return group, ""
    for group in _JOB_GROUPS:
        try:
            streams = reader.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            continue
        if streams:
            return group, f"{name}/"
    raise ConfigurationError(f"There is no log of a job or an endpoint named {name!r}.")


def _events(reader: Any, group: str, prefix: str, since: int) -> Iterator[dict[str, Any]]:
    parameters: dict[str, Any] = {"logGroupName": group, "startTime": since}
    if prefix:
        parameters["logStreamNamePrefix"] = prefix
    for page in reader.get_paginator("filter_log_events").paginate(**parameters):
        yield from page["events"]
