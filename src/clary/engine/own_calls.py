"""The port through which pipelines, event targets and schedules call the API: same checks as for any user.

Implemented in control/own_calls.py. What goes in and comes out are the members of botocore's models, as handlers see
them: dates are datetimes, blobs are bytes. Errors are `ApiError`s with AWS's codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf a call is made, in one account and region.

    With `role_arn` it is a session of that role (named `session`); else, with `service`, that service itself, which
    may do what the resource's own policy allows it; with neither it is the account's owner (for work whose permission
    was checked when it was asked for, such as the training jobs of a tuning job).
    `source_arn` becomes the condition key aws:SourceArn.
    """

    account: str
    region: str
    role_arn: str | None = None
    service: str | None = None
    session: str = "SageMaker"
    source_arn: str = ""


class OwnCalls(Protocol):
    """`calls("sagemaker", "CreateTrainingJob", {...}, actor)`; waits for the handler, not for the job."""

    def __call__(
        self, service: str, operation: str, parameters: Mapping[str, Any], actor: Actor
    ) -> dict[str, Any]: ...
