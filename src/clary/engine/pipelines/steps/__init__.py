"""The kinds of steps, by the Type that definitions give them."""

from __future__ import annotations

from collections.abc import Mapping

from clary.engine.pipelines.steps.callback import CallbackStep
from clary.engine.pipelines.steps.condition import ConditionStep
from clary.engine.pipelines.steps.endpoint import EndpointStep
from clary.engine.pipelines.steps.endpoint_config import EndpointConfigStep
from clary.engine.pipelines.steps.fail import FailStep
from clary.engine.pipelines.steps.lambda_function import LambdaStep
from clary.engine.pipelines.steps.model import ModelStep
from clary.engine.pipelines.steps.port import StepKind
from clary.engine.pipelines.steps.processing import PROCESSING
from clary.engine.pipelines.steps.register_model import RegisterModelStep
from clary.engine.pipelines.steps.training import TRAINING
from clary.engine.pipelines.steps.transform import TRANSFORM
from clary.engine.pipelines.steps.tuning import TuningStep

KINDS: Mapping[str, StepKind] = {
    "Callback": CallbackStep(),
    "Condition": ConditionStep(),
    "Endpoint": EndpointStep(),
    "EndpointConfig": EndpointConfigStep(),
    "Fail": FailStep(),
    "Lambda": LambdaStep(),
    "Model": ModelStep(),
    "Processing": PROCESSING,
    "RegisterModel": RegisterModelStep(),
    "Training": TRAINING,
    "Transform": TRANSFORM,
    "Tuning": TuningStep(),
}
