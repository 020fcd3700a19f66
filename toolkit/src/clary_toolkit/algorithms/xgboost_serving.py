"""The XGBoost algorithm's handlers: a booster out of the model folder, its predictions out.

In: CSV, LIBSVM, recordio-protobuf; without a type CSV or LIBSVM, as the body looks.
Out: CSV, JSON, JSON lines, recordio-protobuf.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

from clary_toolkit.algorithms import recordio, xgboost_pickles
from clary_toolkit.algorithms.xgboost_data import rows_of_records
from clary_toolkit.errors import RequestError
from clary_toolkit.serving import defaults_xgboost
from clary_toolkit.serving.content import CSV, JSON, choose, media_type

DEFAULT_ACCEPT = CSV
DEFAULT_CONTENT_TYPE = ""
JSON_LINES = "application/jsonlines"
_SELECTION = "SAGEMAKER_INFERENCE_OUTPUT"


def model_fn(model_dir: str) -> Any:
    """`xgboost-model`, else the first file there is. Older jobs left pickles; they are read inside the job only."""
    if os.environ.get(_SELECTION):
        raise ValueError(f"{_SELECTION} is not served; without it, answers are the predictions themselves")
    folder = Path(model_dir)
    files = sorted(each for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
    if not files:
        raise FileNotFoundError("model.tar.gz holds no model file")
    path = next((each for each in files if each.name == "xgboost-model"), files[0])
    data = path.read_bytes()
    if xgboost_pickles.is_pickle(data):
        return xgboost_pickles.load(data)
    booster = importlib.import_module("xgboost").Booster()
    booster.load_model(bytearray(data))
    return booster


def input_fn(data: Any, content_type: str) -> Any:
    kind = media_type(content_type) or _looks_like(data)
    if kind == "libsvm":
        return defaults_xgboost.input_fn(data, "text/libsvm")
    if kind == recordio.MEDIA_TYPE:
        return _records(data)
    if kind not in defaults_xgboost.LIBSVM | {CSV}:
        supported = f"text/csv, text/libsvm, {recordio.MEDIA_TYPE}"
        raise RequestError(415, f"content type {kind!r} is not supported; supported: {supported}")
    return defaults_xgboost.input_fn(data, content_type or kind)


def predict_fn(data: Any, model: Any) -> Any:
    """By the best round, where training stopped early."""
    best = model.attr("best_iteration")
    rounds = (0, int(best) + 1) if best is not None else (0, 0)
    return model.predict(data, iteration_range=rounds, validate_features=False)


def output_fn(prediction: Any, accept: str) -> tuple[bytes | str, str]:
    kind = choose(accept, (CSV, JSON, JSON_LINES, recordio.MEDIA_TYPE))
    rows = prediction.tolist()
    if kind == JSON:
        return json.dumps({"predictions": [{"score": row} for row in rows]}), JSON
    if kind == JSON_LINES:
        return "".join(f"{json.dumps({'score': row})}\n" for row in rows), JSON_LINES
    if kind == recordio.MEDIA_TYPE:
        return recordio.answers([{"score": row if isinstance(row, list) else [row]} for row in rows]), kind
    return "".join(f"{row}\n" for row in rows), CSV  # several scores of a row in brackets, as SageMaker's image does


def _looks_like(data: bytes | str) -> str:
    """Transform jobs of pipelines often name no type. LIBSVM is the algorithm's own, and has no commas."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    return CSV if "," in text.lstrip().partition("\n")[0] else "text/libsvm"


def _records(data: bytes) -> Any:
    """What a sparse record leaves out is missing, as in training."""
    try:
        matrix, _ = rows_of_records(recordio.read(data), 0)
        return importlib.import_module("xgboost").DMatrix(matrix)
    except (ValueError, OverflowError) as error:
        raise RequestError(400, f"the body is not valid {recordio.MEDIA_TYPE}: {error}") from error
