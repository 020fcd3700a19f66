"""Transform steps: a batch transform job."""

from __future__ import annotations

from clary.engine.pipelines.steps.jobs import JobStep

TRANSFORM = JobStep("TransformJob", "TransformJob")
