"""Making reports as fleets do."""

from __future__ import annotations

from clary.base.invocation_reports import Report
from clary.serving.measures import Measures


def report_of(measures: Measures, at: int) -> Report:
    measures.settle()
    errors = measures.client_errors, measures.server_errors, measures.model_errors
    return Report("1", "r", "e", "v", at, 2, measures.model.count, *errors, measures.model, measures.overhead)
