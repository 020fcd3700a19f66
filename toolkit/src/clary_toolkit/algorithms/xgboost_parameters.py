"""XGBoost's hyperparameters: texts to their types, and what must hold before training begins. Pure.

Ranges and words of refusals are those of AWS's own container. Names that only XGBoost knows are taken as well; names
that neither knows are refused, as a misspelt one would otherwise train another model than was meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary_toolkit.errors import CustomerError

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
        "prob_buffer_row",
        "refresh_leaf",
        "one_drop",
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
        "lambda_bias",
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
        "deterministic_histogram",
        "single_precision_histogram",
        "sampling_method",
        "aft_loss_distribution",
        "silent",
    }
)
_POSITIVE, _SHARE, _PART = "[0, +inf)", "[0, 1]", "(0, 1]"
INTERVALS = {
    "num_round": "[1, +inf)",
    "early_stopping_rounds": "[1, +inf)",
    "verbosity": "[0, 3]",
    "nthread": "[1, +inf)",
    "eta": _SHARE,
    "learning_rate": _SHARE,
    "gamma": _POSITIVE,
    "min_split_loss": _POSITIVE,
    "max_depth": _POSITIVE,
    "min_child_weight": _POSITIVE,
    "max_delta_step": _POSITIVE,
    "subsample": _PART,
    "colsample_bytree": _PART,
    "colsample_bylevel": _PART,
    "colsample_bynode": _PART,
    "lambda": _POSITIVE,
    "reg_lambda": _POSITIVE,
    "alpha": _POSITIVE,
    "reg_alpha": _POSITIVE,
    "sketch_eps": "(0, 1)",
    "scale_pos_weight": "(0, +inf)",
    "refresh_leaf": _SHARE,
    "max_leaves": _POSITIVE,
    "max_bin": _POSITIVE,
    "rate_drop": _SHARE,
    "one_drop": _SHARE,
    "skip_drop": _SHARE,
    "lambda_bias": _SHARE,
    "tweedie_variance_power": "(1, 2)",
    "num_class": "[2, +inf)",
    "base_score": _POSITIVE,
    "seed": "(-2147483648, 2147483647)",
    "num_parallel_tree": "[1, +inf)",
    "aft_loss_distribution_scale": _POSITIVE,
    "prob_buffer_row": "(1.0, +inf)",
}
_TRUTH = ("true", "false")
WORDS = {
    "booster": ("gbtree", "gblinear", "dart"),
    "csv_weights": ("0", "1"),
    "tree_method": ("auto", "exact", "approx", "hist", "gpu_hist"),
    "dsplit": ("row", "col"),
    "process_type": ("default", "update"),
    "grow_policy": ("depthwise", "lossguide"),
    "predictor": ("auto", "cpu_predictor", "gpu_predictor"),
    "sample_type": ("uniform", "weighted"),
    "normalize_type": ("tree", "forest"),
    "save_model_on_termination": _TRUTH,
    "aft_loss_distribution": ("normal", "logistic", "extreme"),
    "single_precision_histogram": _TRUTH,
    "deterministic_histogram": _TRUTH,
    "sampling_method": ("uniform", "gradient_based"),
}
OWN = frozenset({"num_round", "early_stopping_rounds", "csv_weights", "save_model_on_termination", "eval_metric"})
OBJECTIVE = "_tuning_objective_metric"
IGNORED = frozenset({"_kfold", "_num_cv_round", "use_dask_gpu_training", OBJECTIVE})


@dataclass(frozen=True)
class Parameters:
    """`booster` is what XGBoost itself is given."""

    rounds: int
    early_stopping: int | None
    csv_weights: bool
    metrics: tuple[str, ...]
    booster: Mapping[str, Any]


def parsed(given: Mapping[str, Any]) -> Parameters:
    """Raises CustomerError that names the hyperparameter."""
    values = {name: str(value) for name, value in given.items() if name not in IGNORED}
    if "num_round" not in values:
        raise CustomerError("Missing required hyperparameter: num_round")
    extra = sorted(set(values) - WHOLE - REAL - TEXT - OWN)
    if extra:
        raise CustomerError(f"Extraneous hyperparameter found: {', '.join(extra)}")
    found = {name: _value(name, text) for name, text in values.items()}
    if str(found.get("objective", "")).startswith("multi:") and "num_class" not in found:
        raise CustomerError("Require input for parameter 'num_class' for multi-classification")
    return Parameters(
        rounds=found["num_round"],
        early_stopping=found.get("early_stopping_rounds"),
        csv_weights=found.get("csv_weights") == "1",
        metrics=_metrics(values.get("eval_metric", ""), str(given.get(OBJECTIVE, ""))),
        booster={name: value for name, value in found.items() if name not in OWN},
    )


def _metrics(listed: str, objective: str) -> tuple[str, ...]:
    """Those of `eval_metric`, and the one that a tuning job looks at: `validation:auc`."""
    names = [each.strip("\"' ") for each in listed.strip("[]").split(",")]
    return tuple(dict.fromkeys(name for name in (*names, objective.rpartition(":")[2]) if name))


def _value(name: str, text: str) -> Any:
    value = _typed(name, text)
    interval, words = INTERVALS.get(name), WORDS.get(name)
    if interval is not None and not _inside(value, interval):
        raise CustomerError(f"Hyperparameter {name}: {value} is not in {interval}")
    if words is not None and value not in words:
        raise CustomerError(f"Hyperparameter {name}: {value} is not in {list(words)}")
    return value


def _typed(name: str, text: str) -> Any:
    try:
        if name in WHOLE or name in {"num_round", "early_stopping_rounds"}:
            return int(text)
        return float(text) if name in REAL else text
    except ValueError:
        kind = "number" if name in REAL else "whole number"
        raise CustomerError(f"Hyperparameter {name}: could not parse value, {text[:100]!r} is no {kind}") from None


def _inside(value: float, interval: str) -> bool:
    """Round brackets leave the limit out."""
    least, most = (float(limit) for limit in interval[1:-1].split(","))
    above = value > least or (interval[0] == "[" and value == least)
    below = value < most or (interval[-1] == "]" and value == most)
    return above and below
