"""Experiments, trials and trial components, with their dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker.experiments import associations, components, experiments, rows, trials
from clary.services.sagemaker.names import named

_experiment = named(rows.EXPERIMENT, "ExperimentName")
_trial = named(rows.TRIAL, "TrialName")
_component = components.component_arn

OPERATIONS: Mapping[str, Operation] = {
    "CreateExperiment": Operation(experiments.create_experiment, _experiment),
    "DescribeExperiment": Operation(experiments.describe_experiment, _experiment),
    "UpdateExperiment": Operation(experiments.update_experiment, _experiment),
    "DeleteExperiment": Operation(experiments.delete_experiment, _experiment),
    "ListExperiments": Operation(experiments.list_experiments),
    "CreateTrial": Operation(trials.create_trial, _trial),
    "DescribeTrial": Operation(trials.describe_trial, _trial),
    "UpdateTrial": Operation(trials.update_trial, _trial),
    "DeleteTrial": Operation(trials.delete_trial, _trial),
    "ListTrials": Operation(trials.list_trials),
    "CreateTrialComponent": Operation(components.create_trial_component, _component),
    "DescribeTrialComponent": Operation(components.describe_trial_component, _component),
    "UpdateTrialComponent": Operation(components.update_trial_component, _component),
    "DeleteTrialComponent": Operation(components.delete_trial_component, _component),
    "ListTrialComponents": Operation(components.list_trial_components),
    "AssociateTrialComponent": Operation(associations.associate_trial_component, _component),
    "DisassociateTrialComponent": Operation(associations.disassociate_trial_component, _component),
}
