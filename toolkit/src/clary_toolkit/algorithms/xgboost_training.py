"""Training with XGBoost's own algorithm: channels in, one line of metrics per round, `xgboost-model` out."""

from __future__ import annotations

import importlib
import os
import pickle
from collections.abc import Sequence
from typing import Any

from clary_toolkit.algorithms import xgboost_metrics
from clary_toolkit.algorithms.xgboost_data import read_channel, sentence
from clary_toolkit.algorithms.xgboost_parameters import OBJECTIVE, Parameters, parsed
from clary_toolkit.child import Foreground
from clary_toolkit.errors import CustomerError
from clary_toolkit.layout import OptMl
from clary_toolkit.training.configuration import TrainingConfiguration

MODEL = "xgboost-model"


def train(configuration: TrainingConfiguration, layout: OptMl, foreground: Foreground) -> None:
    """A stop request ends training after the running round; the model so far is kept. Raises CustomerError.

    Of several instances the first one trains, with everything: the platform gives it the whole channels.
    """
    if configuration.host != configuration.first_host:
        print(f"{configuration.first_host} trains with all of the data; nothing is left to do here", flush=True)
        return
    xgboost = importlib.import_module("xgboost")
    objective = {name: value for name, value in configuration.reserved.items() if name == OBJECTIVE}
    parameters = parsed({**configuration.user, **objective})
    sets = _channels(configuration, layout, parameters)
    own, added = xgboost_metrics.split(parameters.metrics)
    settings = {**parameters.booster, **({"eval_metric": own} if own else {})}
    try:
        booster = xgboost.train(
            settings,
            sets["train"],
            num_boost_round=parameters.rounds,
            evals=[(matrix, name) for name, matrix in sets.items()],
            custom_metric=xgboost_metrics.evaluation(added, str(parameters.booster.get("objective", ""))),
            verbose_eval=False,
            callbacks=[_progress(xgboost, foreground, _stopping(xgboost, parameters.early_stopping, added))],
        )
    except (ValueError, TypeError, xgboost.core.XGBoostError) as error:
        raise CustomerError(f"XGBoost refused to train: {sentence(error)}.") from error
    layout.model.mkdir(parents=True, exist_ok=True)
    (layout.model / MODEL).write_bytes(_file(booster))


def _file(booster: Any) -> bytes:
    """In the form of the image that the job names."""
    pickled = os.environ.get("CLARY_XGBOOST_MODEL") == "pickle"
    return pickle.dumps(booster, protocol=4) if pickled else bytes(booster.save_raw("ubj"))


def _channels(configuration: TrainingConfiguration, layout: OptMl, parameters: Parameters) -> dict[str, Any]:
    if "train" not in configuration.channels:
        there = ", ".join(configuration.channels) or "none"
        raise CustomerError(f"The channel train is required; channels of this job: {there}.")
    sets: dict[str, Any] = {}
    for name in ("train", "validation"):
        if name in configuration.channels:
            kind = str(configuration.channels[name].get("ContentType") or "")
            width = sets["train"].num_col() if sets else 0
            piped = configuration.channels[name].get("TrainingInputMode") == "Pipe"
            place = layout.first_pipe(name) if piped else layout.channel(name)
            sets[name] = read_channel(place, kind, csv_weights=parameters.csv_weights, width=width)
    return sets


def _stopping(xgboost: Any, rounds: int | None, added: Sequence[str]) -> Any:
    if rounds is None:
        return xgboost.callback.TrainingCallback()
    return xgboost.callback.EarlyStopping(rounds, maximize=xgboost_metrics.is_maximized(added))


def _progress(xgboost: Any, foreground: Foreground, stopping: Any) -> Any:
    """One for all: XGBoost asks several in no certain order, and none any more once one has ended training."""

    def after_iteration(_self: Any, model: Any, epoch: int, log: Any) -> bool:
        parts = [
            f"{name}-{metric}:{values[-1]:.5f}" for name, found in log.items() for metric, values in found.items()
        ]
        print("\t".join([f"[{epoch}]", *parts]), flush=True)
        return bool(stopping.after_iteration(model, epoch, log)) or foreground.stopping

    methods = {
        "before_training": lambda _self, model: stopping.before_training(model),
        "after_iteration": after_iteration,
        "after_training": lambda _self, model: stopping.after_training(model),
    }
    return type("Progress", (xgboost.callback.TrainingCallback,), methods)()
