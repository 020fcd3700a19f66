"""AWS Lambda: functions from zip archives and their invocation, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation

OPERATIONS: Mapping[str, Operation] = {}
