"""Training steps: a training job (repacking a model is one as well)."""

from __future__ import annotations

from clary.engine.pipelines.steps.jobs import JobStep

TRAINING = JobStep("TrainingJob", "TrainingJob")
