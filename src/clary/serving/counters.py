"""Plain numbers per endpoint and variant, for metrics. Fleets add to them; the door reads them out."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Sums since the door started. `seconds` is the time spent waiting for containers."""

    requests: int = 0
    model_errors: int = 0
    broken: int = 0
    timed_out: int = 0
    retried: int = 0
    parked: int = 0
    refused: int = 0
    seconds: float = 0.0

    def as_document(self) -> dict[str, float]:
        return asdict(self)
