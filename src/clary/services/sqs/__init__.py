"""Amazon SQS: standard and FIFO queues, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation

OPERATIONS: Mapping[str, Operation] = {}
