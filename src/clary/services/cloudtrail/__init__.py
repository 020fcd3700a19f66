"""AWS CloudTrail, as far as looking up who did what. There are no trails to set up: every account has its events."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.cloudtrail.lookup import lookup_events
from clary.services.operation import Operation

OPERATIONS: Mapping[str, Operation] = {"LookupEvents": Operation(lookup_events)}
