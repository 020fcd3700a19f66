"""The SM_* variables of script mode: which there are, and how a value becomes text. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary_toolkit.layout import OptMl
from clary_toolkit.training.configuration import TrainingConfiguration


@dataclass(frozen=True)
class Program:
    """What is run: the file named by the request, where its source came from, its arguments."""

    entry_point: str
    source: str
    arguments: Sequence[str]
    framework_module: str = ""
    job_name: str = ""

    @property
    def module(self) -> str:
        return self.entry_point[:-3] if self.entry_point.endswith(".py") else self.entry_point


@dataclass(frozen=True)
class Machine:
    """How much of each kind of processor this host has."""

    cpus: int
    gpus: int = 0
    neurons: int = 0


def script_variables(
    configuration: TrainingConfiguration, layout: OptMl, program: Program, machine: Machine
) -> dict[str, str]:
    """Every SM_* variable, ready for the process."""
    shared = _shared(configuration, layout, program, machine)
    values = {
        **shared,
        "hps": configuration.user,
        "channels": sorted(configuration.channels),
        "framework_params": configuration.framework,
        "user_args": list(program.arguments),
        "training_env": _training_environment(configuration, layout, program, shared),
    }
    values.update({f"channel_{name}": str(layout.channel(name)) for name in configuration.channels})
    values.update({f"hp_{name}": value for name, value in configuration.user.items()})
    # A name with `=` cannot be a variable; the script still gets it as an argument and in SM_HPS.
    return {f"SM_{name.upper()}": encoded(value) for name, value in values.items() if "=" not in name}


def encoded(value: Any) -> str:
    """Strings as they are, None as nothing, everything else as compact JSON with sorted keys."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _shared(
    configuration: TrainingConfiguration, layout: OptMl, program: Program, machine: Machine
) -> dict[str, Any]:
    """What has the same name as a variable of its own and inside SM_TRAINING_ENV."""
    return {
        **_resource_values(configuration),
        "resource_config": configuration.resources,
        "input_data_config": configuration.channels,
        "input_dir": str(layout.input),
        "input_config_dir": str(layout.input_config),
        "output_dir": str(layout.output),
        "output_data_dir": str(layout.output_data),
        "output_intermediate_dir": str(layout.output_intermediate),
        "model_dir": str(layout.model),
        "module_dir": program.source,
        "module_name": program.module,
        "user_entry_point": program.entry_point,
        "framework_module": program.framework_module,
        "log_level": configuration.log_level,
        "num_cpus": machine.cpus,
        "num_gpus": machine.gpus,
        "num_neurons": machine.neurons,
    }


def _resource_values(configuration: TrainingConfiguration) -> dict[str, Any]:
    resources = configuration.resources
    groups = {group["instance_group_name"]: group for group in resources.get("instance_groups") or []}
    current = resources.get("current_group_name") or ""
    hosts = resources.get("hosts") or []
    return {
        "hosts": hosts,
        "current_host": resources.get("current_host") or "",
        "network_interface_name": resources.get("network_interface_name") or "",
        "current_instance_type": resources.get("current_instance_type") or "",
        "current_instance_group": current,
        "current_instance_group_hosts": groups.get(current, {}).get("hosts", hosts),
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "distribution_instance_groups": configuration.framework.get("sagemaker_distribution_instance_groups", []),
        "is_hetero": len(groups) > 1,
    }


def _training_environment(
    configuration: TrainingConfiguration, layout: OptMl, program: Program, shared: Mapping[str, Any]
) -> dict[str, Any]:
    hosts = shared["hosts"]
    master = hosts[0] if hosts else shared["current_host"]
    return {
        **shared,
        "additional_framework_parameters": configuration.framework,
        "channel_input_dirs": {name: str(layout.channel(name)) for name in configuration.channels},
        "hyperparameters": configuration.user,
        "is_master": shared["current_host"] == master,
        "master_hostname": master,
        "job_name": program.job_name,
    }
