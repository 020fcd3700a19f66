"""Processing steps: a processing job. Property files are read from its outputs when they are asked for."""

from __future__ import annotations

from clary.engine.pipelines.steps.jobs import JobStep

PROCESSING = JobStep("ProcessingJob", "ProcessingJob")
