"""Waiting for the other instances."""

from __future__ import annotations

from clary_toolkit.stand_ins.sagemaker_training.environment import Environment
from clary_toolkit.stand_ins.sagemaker_xgboost_container.distributed import wait_hostname_resolution


def _wait_hostname_resolution() -> None:
    """Scripts call it by this name."""
    wait_hostname_resolution(Environment().hosts)
