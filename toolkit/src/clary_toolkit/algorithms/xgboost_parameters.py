"""XGBoost's hyperparameters: texts to their types, and what must hold before training begins. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary_toolkit.errors import UserError

WHOLE = frozenset(
    {
        "max_depth",
        "max_leaves",
        "max_bin",
        "seed",
        "nthread",
        "num_class",
        "verbosity",
        "num_parallel_tree",
        "process_type_seed",
        "sketch_size",
        "lambdarank_num_pair_per_sample",
        "max_cat_to_onehot",
        "max_cat_threshold",
    }
)
REAL = frozenset(
    {
        "eta",
        "learning_rate",
        "gamma",
        "min_split_loss",
        "min_child_weight",
        "max_delta_step",
        "subsample",
        "colsample_bytree",
        "colsample_bylevel",
        "colsample_bynode",
        "lambda",
        "reg_lambda",
        "alpha",
        "reg_alpha",
        "scale_pos_weight",
        "base_score",
        "rate_drop",
        "skip_drop",
        "tweedie_variance_power",
        "sketch_eps",
        "huber_slope",
        "quantile_alpha",
        "aft_loss_distribution_scale",
        "top_k",
    }
)
TEXT = frozenset(
    {
        "booster",
        "objective",
        "tree_method",
        "grow_policy",
        "sample_type",
        "normalize_type",
        "process_type",
        "updater",
        "predictor",
        "device",
        "interaction_constraints",
        "monotone_constraints",
        "dsplit",
        "feature_selector",
        "refresh_leaf",
        "one_drop",
        "deterministic_histogram",
        "single_precision_histogram",
        "sampling_method",
        "aft_loss_distribution",
    }
)
OWN = frozenset({"num_round", "early_stopping_rounds", "csv_weights", "save_model_on_termination", "eval_metric"})
IGNORED = frozenset({"_kfold", "_num_cv_round", "use_dask_gpu_training", "_tuning_objective_metric"})


@dataclass(frozen=True)
class Parameters:
    """`booster` is what XGBoost itself is given; `unknown` is passed on with it."""

    rounds: int
    early_stopping: int | None
    csv_weights: bool
    metrics: tuple[str, ...]
    booster: Mapping[str, Any]
    unknown: tuple[str, ...]


def parsed(given: Mapping[str, Any]) -> Parameters:
    """Raises UserError that names the hyperparameter."""
    values = {name: str(value) for name, value in given.items() if name not in IGNORED}
    if "num_round" not in values:
        raise UserError("the hyperparameter num_round is required")
    rounds = _whole("num_round", values["num_round"], least=1)
    early = values.get("early_stopping_rounds")
    metrics = tuple(each.strip() for each in values.get("eval_metric", "").strip("[]").split(",") if each.strip())
    return Parameters(
        rounds=rounds,
        early_stopping=None if early is None else _whole("early_stopping_rounds", early, least=1),
        csv_weights=values.get("csv_weights", "0") in {"1", "true", "True"},
        metrics=tuple(each.strip("\"' ") for each in metrics),
        booster={name: _value(name, text) for name, text in values.items() if name not in OWN},
        unknown=tuple(sorted(set(values) - WHOLE - REAL - TEXT - OWN)),
    )


def _value(name: str, text: str) -> Any:
    if name in WHOLE:
        return _whole(name, text, least=None)
    return _real(name, text) if name in REAL else text


def _whole(name: str, text: str, *, least: int | None) -> int:
    try:
        number = int(text)
    except ValueError:
        raise UserError(f"the hyperparameter {name} must be a whole number, not {text!r}") from None
    if least is not None and number < least:
        raise UserError(f"the hyperparameter {name} must be at least {least}, not {number}")
    return number


def _real(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"the hyperparameter {name} must be a number, not {text!r}") from None
