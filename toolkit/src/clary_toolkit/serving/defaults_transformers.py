"""Hugging Face's handlers: a pipeline for the model's task, `{"inputs": ..., "parameters": ...}` in, its answer out.

Imports inside functions: see `arrays`.
"""

# ruff: noqa: PLC0415 - see `arrays`
from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from clary_toolkit.errors import RequestError
from clary_toolkit.serving import arrays
from clary_toolkit.serving.content import CSV, JSON, choose, media_type
from clary_toolkit.serving.transformers_tasks import infer_task

PLAIN = "text/plain"
# What one of these heads a CSV table with, its rows are for.
ONE_COLUMN = "inputs"
MANY_COLUMNS = frozenset({"question", "query", "context"})


def model_fn(model_dir: str) -> Any:
    """A pipeline for HF_TASK, or for what config.json tells; with HF_MODEL_ID, of a model from the hub."""
    import torch
    from transformers import pipeline

    folder = _from_hub(os.environ["HF_MODEL_ID"]) if os.environ.get("HF_MODEL_ID") else Path(model_dir)
    task = os.environ.get("HF_TASK") or _task_of(folder)
    return pipeline(task, model=str(folder), device=0 if torch.cuda.is_available() else -1)


def input_fn(data: Any, content_type: str) -> Any:
    kind = media_type(content_type)
    if kind == JSON:
        return _from_json(data)
    if kind == CSV:
        return _from_csv(data)
    if kind == PLAIN:
        return {"inputs": data.decode("utf-8", "replace")}
    if kind.startswith("image/"):
        return {"inputs": _image(data)}
    if kind.startswith("audio/"):
        return {"inputs": data}
    raise RequestError(
        415, f"content type {kind!r} is not supported; supported: {JSON}, {CSV}, {PLAIN}, image/*, audio/*"
    )


def predict_fn(data: Any, model: Any) -> Any:
    """What the pipeline makes of the inputs; that it refuses them is the sender's matter."""
    rest = dict(data) if isinstance(data, dict) else {"inputs": data}
    inputs = rest.pop("inputs", None)
    parameters = rest.pop("parameters", None) or {}
    if not isinstance(parameters, dict):
        raise RequestError(400, "parameters must be an object")
    try:
        return model(rest if inputs is None else inputs, **parameters)
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        raise RequestError(400, f"{type(error).__name__}: {error}") from error


def output_fn(prediction: Any, accept: str) -> tuple[str, str]:
    kind = choose(accept, (JSON, CSV))
    plain = arrays.plain(prediction)
    if kind == CSV:
        return _to_csv(plain), CSV
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False), JSON


def _task_of(folder: Path) -> str:
    try:
        configuration = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(
            "the model folder holds no config.json: save the model with save_pretrained, or define model_fn in "
            "code/inference.py"
        ) from error
    return infer_task(configuration)


def _from_hub(name: str) -> Path:
    """Only what PyTorch reads."""
    from huggingface_hub import snapshot_download

    token = os.environ.get("HF_API_TOKEN") or os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN")
    try:
        return Path(
            snapshot_download(
                name,
                revision=os.environ.get("HF_MODEL_REVISION") or None,
                token=token or None,
                ignore_patterns=["*.h5", "*.msgpack", "*.onnx", "*.ot", "*.tflite", "*.gguf", "*.tar.gz"],
            )
        )
    except (OSError, ValueError) as error:
        raise ValueError(
            f"the model {name} cannot be fetched from the hub: {' '.join(str(error).split())[:400]} "
            "(put the model into model.tar.gz and name it as ModelDataUrl instead)"
        ) from error


def _from_json(data: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the body is not valid {JSON}: {error}") from error
    if not isinstance(document, dict):
        raise RequestError(400, 'the body must be an object: {"inputs": ..., "parameters": {...}}')
    return document


def _from_csv(data: str | bytes) -> dict[str, Any]:
    """A column `inputs`, or the columns of questions with their contexts."""
    text = data if isinstance(data, str) else data.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    columns = set(rows[0]) if rows else set()
    if ONE_COLUMN in columns:
        return {"inputs": [row[ONE_COLUMN] for row in rows]}
    if columns & MANY_COLUMNS:
        return {"inputs": rows}
    raise RequestError(
        400, f"the first line of the table must name its columns: {ONE_COLUMN}, or question and context"
    )


def _to_csv(prediction: Any) -> str:
    rows = prediction if isinstance(prediction, list) else [prediction]
    flat = [each for row in rows for each in (row if isinstance(row, list) else [row])]
    if not flat or not all(isinstance(row, dict) for row in flat):
        raise RequestError(406, f"this answer is no table of named values; accept {JSON} instead")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(flat[0]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(flat)
    return stream.getvalue()


def _image(data: bytes) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (UnidentifiedImageError, OSError) as error:
        raise RequestError(400, f"the body is no image that can be read: {error}") from error
    return image
