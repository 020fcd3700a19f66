"""SavedModels of the first TensorFlows, made readable for the one of today.

In their graphs an input without a shape could be of any rank; today the same words mean a single value. TensorFlow
knows that by the graph's version, but not where it makes functions of the signatures. Called by `loading`.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from pathlib import Path
from typing import Any

from clary_toolkit.saved_models.folders import GRAPH

# The version of graphs since which an empty shape is that of a single value.
_FIRST_WITH_RANKS = 24


def readable(path: Path) -> Path:
    """The folder itself, or a new one in which only the graph is another."""
    message = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2").SavedModel()
    message.ParseFromString((path / GRAPH).read_bytes())
    old = [meta for meta in message.meta_graphs if meta.graph_def.versions.producer < _FIRST_WITH_RANKS]
    if not old:
        return path
    for meta in old:
        _name_unknown_ranks(meta)
    scratch = os.environ.get("CLARY_SCRATCH")
    folder = Path(tempfile.mkdtemp(prefix="old-graph-", dir=scratch))
    for each in path.iterdir():
        if each.name != GRAPH:
            (folder / each.name).symlink_to(each.resolve())
    (folder / GRAPH).write_bytes(message.SerializeToString())
    return folder


def _name_unknown_ranks(meta: Any) -> None:
    placeholders = (node for node in meta.graph_def.node if node.op == "Placeholder")
    shapes = [node.attr["shape"].shape for node in placeholders]
    for signature in meta.signature_def.values():
        shapes += [info.tensor_shape for side in (signature.inputs, signature.outputs) for info in side.values()]
    for shape in shapes:
        if not shape.dim:
            shape.unknown_rank = True
