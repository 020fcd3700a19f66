"""From model folders to signatures that can be called. All versions are loaded before the server is ready."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary_toolkit.errors import ModelServerError
from clary_toolkit.saved_models.folders import GRAPH, find_models, keras_files, nothing_found
from clary_toolkit.saved_models.old_graphs import readable
from clary_toolkit.saved_models.refusal import Refusal
from clary_toolkit.saved_models.tensors import BOOLEAN, FLOAT, INTEGER, STRING, Input

DEFAULT_SIGNATURE = "serving_default"
DEFAULT_MODEL = "SAGEMAKER_TFS_DEFAULT_MODEL_NAME"


@dataclass(frozen=True)
class Signature:
    """One way to call a model. `method_name` is what the model says it is for."""

    name: str
    method_name: str
    inputs: Mapping[str, Input]
    function: Any
    tensorflow: Any

    def __call__(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays by output. Raises Refusal for what the model cannot take."""
        tf = self.tensorflow
        try:
            outputs = self.function(**{name: tf.constant(array) for name, array in arrays.items()})
            return {name: output.numpy() for name, output in sorted(outputs.items())}
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            raise Refusal(400, f"signature {self.name!r} cannot take this: {_told(error)}") from error
        except tf.errors.OpError as error:
            raise Refusal(500, f"signature {self.name!r} failed: {_told(error)}") from error


@dataclass(frozen=True)
class Version:
    """`model` keeps the variables of the signatures alive."""

    signatures: Mapping[str, Signature]
    model: Any

    def signature(self, name: str) -> Signature:
        found = self.signatures.get(name or DEFAULT_SIGNATURE)
        if found is None:
            names = ", ".join(sorted(self.signatures)) or "none"
            raise Refusal(
                400, f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found; the model has: {names}'
            )
        return found


@dataclass(frozen=True)
class Models:
    """Versions by model and number."""

    versions: Mapping[str, Mapping[int, Version]]
    default: str
    tensorflow: Any

    def numbers(self, model: str, version: int | None) -> list[int]:
        """The versions that are meant. Raises Refusal 404 where there are none."""
        loaded = self.versions.get(model, {})
        if version is None and loaded:
            return sorted(loaded)
        if version is None or version not in loaded:
            which = f"Latest({model})" if version is None else f"Specific({model}, {version})"
            there = ", ".join(f"{name} ({', '.join(map(str, sorted(of)))})" for name, of in self.versions.items())
            raise Refusal(404, f"Servable not found for request: {which}; there are: {there}")
        return [version]

    def find(self, model: str, version: int | None) -> Version:
        """The newest version where none is named. Raises Refusal 404."""
        newest = self.numbers(model, version)[-1]
        return self.versions[model][newest]


def load_models(root: Path) -> Models:
    """Everything a model folder holds. Raises ModelServerError."""
    tensorflow = importlib.import_module("tensorflow")
    folders = find_models(root) or find_models(_exported(root, tensorflow))
    versions = {
        folder.name: {number: _load(path, tensorflow) for number, path in sorted(folder.versions.items())}
        for folder in folders
    }
    default = os.environ.get(DEFAULT_MODEL) or folders[0].name
    if default not in versions:
        raise ModelServerError(f"{DEFAULT_MODEL} is {default!r}; model.tar.gz holds: {', '.join(versions)}")
    for name, loaded in versions.items():
        mark = " (answers when no model is named)" if name == default and len(versions) > 1 else ""
        print(f"clary-toolkit: model {name}, versions {', '.join(map(str, loaded))}{mark}", flush=True)
    return Models(versions, default, tensorflow)


def _load(path: Path, tensorflow: Any) -> Version:
    loaded = tensorflow.saved_model.load(str(readable(path)))
    methods = _method_names(path)
    signatures = {
        name: Signature(name, methods.get(name, ""), _inputs(function), function, tensorflow)
        for name, function in loaded.signatures.items()
    }
    return Version(signatures, loaded)


def _method_names(path: Path) -> dict[str, str]:
    """What loading forgets: whether a signature is made to predict, to classify or to regress."""
    message = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2").SavedModel()
    message.ParseFromString((path / GRAPH).read_bytes())
    return {
        name: definition.method_name
        for graph in message.meta_graphs
        for name, definition in graph.signature_def.items()
    }


def _inputs(function: Any) -> dict[str, Input]:
    return {name: _input(name, spec) for name, spec in sorted(function.structured_input_signature[1].items())}


def _input(name: str, spec: Any) -> Input:
    dtype = spec.dtype
    kinds = ((dtype.is_floating, FLOAT), (dtype.is_integer, INTEGER), (dtype.is_bool, BOOLEAN))
    kind = next((kind for holds, kind in kinds if holds), STRING if dtype.name == "string" else dtype.name)
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return Input(name, kind, dtype.as_numpy_dtype, shape)


def _exported(root: Path, tensorflow: Any) -> Path:
    """Where the archive's only Keras file has been written as a SavedModel. Raises ModelServerError."""
    files = keras_files(root)
    if len(files) != 1:
        raise nothing_found(root)
    folder = Path(os.environ.get("CLARY_SCRATCH") or tempfile.mkdtemp(prefix="clary-model-"))
    target = folder / f"keras-{os.getpid()}"  # each worker for itself
    print(f"clary-toolkit: {files[0].name} is no SavedModel; it is exported to one now", flush=True)
    tensorflow.keras.models.load_model(str(files[0]), compile=False).export(
        str(target / "model" / "1"), verbose=False
    )
    return target


def _told(error: Exception) -> str:
    """The line that matters: TensorFlow puts it between the place in the graph and the name of the node."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    noise = ("Graph execution error", "Detected at node", "<stack traces", "[[{{", "Stack trace for")
    kept = [line for line in lines if not line.startswith(noise)]
    return " ".join(kept or lines)[:1000]
