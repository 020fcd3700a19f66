"""`clary logs NAME`: what a job or an endpoint printed, from CloudWatch Logs as any client would read it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from clary.base.errors import ConfigurationError
from clary.base.settings import Settings, load_settings
from clary.cli.client import client
from clary.cli.jobs import JOB_KINDS, describe
from clary.cli.options import DataOption

_PAUSE_SECONDS = 0.5
_WINDOW_MS = 60_000
"""Lines of several instances do not arrive in the order of their times: look back this far for late ones."""

_NAME = re.compile(r"[\w-]{1,140}", re.ASCII)

Stream = tuple[str, str]


def logs(
    name: Annotated[str, typer.Argument(help="Name of a job, an endpoint or a Lambda function.")],
    data: DataOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new lines until Ctrl-C.")] = False,
) -> None:
    """Print the log of a job, an endpoint or a function."""
    settings = load_settings(data=data)
    reader = client(settings, "logs")
    if not _NAME.fullmatch(name):
        raise _unknown(name)
    place = _find(reader, name) or _without_log(settings, reader, name, follow=follow)
    lines = Lines()
    while place:
        try:
            for event in lines.new(_events(reader, place, lines.since)):
                moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                typer.echo(f"{moment:%H:%M:%S.%f}"[:12] + f" {event['message']}")
        except (NoConnection, HTTPClientError):
            if not follow:
                raise
            # Clary is being restarted; the lines that were written meanwhile come afterwards
        except ClientError as error:
            if not follow or error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise
        if not follow:
            return
        time.sleep(_PAUSE_SECONDS)


class Lines:
    """Tells new lines from those that were printed already, however late they come (within the window)."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._newest = 0

    @property
    def since(self) -> int:
        """Epoch milliseconds from which on to ask again."""
        return max(0, self._newest - _WINDOW_MS)

    def new(self, events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for event in events:
            if event["eventId"] not in self._seen:
                self._seen[event["eventId"]] = event["timestamp"]
                self._newest = max(self._newest, event["timestamp"])
                yield event
        self._seen = {event_id: when for event_id, when in self._seen.items() if when >= self.since}


def _find(reader: Any, name: str) -> Stream | None:
    """(log group, stream prefix) of a job, an endpoint or a function."""
    for group in (f"/aws/sagemaker/Endpoints/{name}", f"/aws/lambda/{name}"):
        found = reader.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if any(item["logGroupName"] == group for item in found):
            return group, ""
    for kind in (kind for kind in JOB_KINDS if kind.log_group):
        try:
            streams = reader.describe_log_streams(logGroupName=kind.log_group, logStreamNamePrefix=f"{name}/")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            continue
        if streams["logStreams"]:
            return kind.log_group, f"{name}/"
    return None


def _unknown(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"There is no log of a job, an endpoint or a function named {name!r}; `clary status` shows names."
    )


def _without_log(settings: Settings, reader: Any, name: str, *, follow: bool) -> Stream | None:
    """Somebody asks for the log of what has printed nothing: wait for it, or tell what became of it."""
    while True:
        job = describe(settings, name)
        if job is None:
            raise _unknown(name)
        if not job.running:
            reason = f": {job.failure}" if job.failure else ""
            typer.echo(f"The {job.kind} {name} printed nothing. It is {job.status}{reason}")
            return None
        if not follow:
            typer.echo(f"The {job.kind} {name} has printed nothing yet. It is {job.status}; --follow waits for it.")
            return None
        time.sleep(_PAUSE_SECONDS)
        found = _find(reader, name)
        if found:
            return found


def _events(reader: Any, place: Stream, since: int) -> Iterator[dict[str, Any]]:
    group, prefix = place
    parameters: dict[str, Any] = {"logGroupName": group, "startTime": since}
    if prefix:
        parameters["logStreamNamePrefix"] = prefix
    for page in reader.get_paginator("filter_log_events").paginate(**parameters):
        yield from page["events"]
