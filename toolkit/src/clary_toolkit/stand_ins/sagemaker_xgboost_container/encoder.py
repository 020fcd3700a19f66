"""Bodies of requests as an xgboost.DMatrix."""

from __future__ import annotations

from typing import Any

from clary_toolkit.algorithms import xgboost_serving
from clary_toolkit.algorithms.recordio import MEDIA_TYPE


def csv_to_dmatrix(input: Any, dtype: Any = None) -> Any:  # noqa: A002 - the library's name for it
    """Rows of features. `dtype` has no effect: XGBoost computes with float32."""
    return xgboost_serving.input_fn(input, "text/csv")


def libsvm_to_dmatrix(string_like: Any) -> Any:
    return xgboost_serving.input_fn(string_like, "text/libsvm")


def recordio_protobuf_to_dmatrix(string_like: Any) -> Any:
    return xgboost_serving.input_fn(string_like, MEDIA_TYPE)


def decode(obj: Any, content_type: str) -> Any:
    """By the media type: CSV, LIBSVM or recordio-protobuf."""
    return xgboost_serving.input_fn(obj, content_type)
