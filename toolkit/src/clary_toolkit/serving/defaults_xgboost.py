"""XGBoost's handlers in framework mode: a DMatrix in, the booster's prediction out.

Imports inside functions: see `arrays`.
"""

# ruff: noqa: PLC0415 - see `arrays`
from __future__ import annotations

from typing import Any

from clary_toolkit.errors import RequestError
from clary_toolkit.serving import arrays
from clary_toolkit.serving.content import CSV, JSON, NPY, NPZ, media_type

LIBSVM = frozenset({"text/libsvm", "text/x-libsvm"})
ARRAYS = frozenset({JSON, NPY, NPZ})


def input_fn(data: Any, content_type: str) -> Any:
    import xgboost

    kind = media_type(content_type)
    if kind not in LIBSVM | ARRAYS | {CSV}:
        supported = ", ".join(sorted(LIBSVM | ARRAYS | {CSV}))
        raise RequestError(415, f"content type {kind!r} is not supported; supported: {supported}")
    try:
        return xgboost.DMatrix(_matrix(data, kind))
    except (ValueError, TypeError, IndexError) as error:
        raise RequestError(400, f"the body is not valid {kind}: {error}") from error


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False)


def output_fn(prediction: Any, accept: str) -> tuple[bytes | str, str]:
    return arrays.encode(prediction, accept)


def _matrix(data: Any, kind: str) -> Any:
    if kind == CSV:
        return arrays.table(data)
    if kind in LIBSVM:
        return _sparse_rows(data if isinstance(data, str) else data.decode())
    array = arrays.decode(data, kind)
    return array.reshape(1, -1) if getattr(array, "ndim", 2) < 2 else array


def _sparse_rows(text: str) -> Any:
    """LIBSVM lines, `[label] index:value ...`; what is not there is missing, as XGBoost reads such files."""
    import numpy as np
    from scipy import sparse

    values: list[float] = []
    columns: list[int] = []
    starts = [0]
    for line in text.strip().splitlines():
        for field in line.split("#", 1)[0].split():
            index, colon, value = field.partition(":")
            if colon and index != "qid":  # neither the label nor a query id is a feature
                columns.append(int(index))
                values.append(float(value))
        starts.append(len(values))
    width = max(columns, default=-1) + 1
    shape = (len(starts) - 1, width)
    return sparse.csr_matrix((np.array(values, "f4"), np.array(columns, "i4"), np.array(starts, "i4")), shape)
