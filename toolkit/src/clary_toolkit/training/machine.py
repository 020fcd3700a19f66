"""Counting the processors a training script may use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from clary_toolkit.training.variables import Machine

PROBE_SECONDS = 10


def this_machine() -> Machine:
    return Machine(cpus=len(os.sched_getaffinity(0)), gpus=_gpus(), neurons=_neurons())


def _gpus() -> int:
    """Those that this job is shown."""
    listed = _output("nvidia-smi", "--list-gpus")
    there = sum(line.startswith("GPU ") for line in listed.splitlines())
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    return there if shown is None else min(there, len([each for each in shown.split(",") if each.strip()]))


def _neurons() -> int:
    listed = _output("neuron-ls", "-j")
    try:
        return sum(device.get("nc_count", 0) for device in json.loads(listed)) if listed else 0
    except (ValueError, AttributeError, TypeError):
        return 0


def _output(program: str, *arguments: str) -> str:
    """What the program prints, or nothing when it is not installed or fails."""
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
