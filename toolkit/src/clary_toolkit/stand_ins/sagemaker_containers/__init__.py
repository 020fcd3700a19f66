"""What scripts import from images of before 2020: `training_env`, `entry_point`, `beta.framework`."""

from __future__ import annotations

from clary_toolkit.stand_ins.sagemaker_training.environment import Environment


def training_env() -> Environment:
    return Environment()
