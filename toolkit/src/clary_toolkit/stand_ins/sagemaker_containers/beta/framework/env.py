"""The training job that a script runs in."""

from clary_toolkit.stand_ins.sagemaker_training.environment import Environment as TrainingEnv

__all__ = ["TrainingEnv"]
