"""A target and a request document to the answer of TensorFlow Serving. Whatever goes wrong becomes its status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clary_toolkit.saved_models.addresses import Target
from clary_toolkit.saved_models.examples import METHOD_NAMES, results, serialized_examples
from clary_toolkit.saved_models.loading import Models, Signature
from clary_toolkit.saved_models.refusal import Refusal
from clary_toolkit.saved_models.tensors import STRING, arrays_of, document_of


def answer(models: Models, target: Target, document: Any) -> bytes:
    """The answer's JSON. Raises Refusal."""
    if not isinstance(document, dict):
        raise Refusal(400, "the request must be a JSON object with 'instances' or 'inputs'")
    version = models.find(target.model, target.version)
    name = document.get("signature_name", target.signature)
    if not isinstance(name, str):
        raise Refusal(400, "'signature_name' must be a string")
    signature = version.signature(name)
    found = (
        _predict(signature, document) if target.method == "predict" else _score(signature, target.method, document)
    )
    return json.dumps(found, separators=(",", ":")).encode()


def state(models: Models, target: Target) -> bytes:
    """What a look at a model tells: all its versions are there. Raises Refusal."""
    fine = {"error_code": "OK", "error_message": ""}
    numbers = reversed(models.numbers(target.model, target.version))
    versions = [{"version": str(number), "state": "AVAILABLE", "status": fine} for number in numbers]
    return json.dumps({"model_version_status": versions}).encode()


def _predict(signature: Signature, document: Mapping[str, Any]) -> dict[str, Any]:
    arrays, rows = arrays_of(document, signature.inputs)
    return document_of(signature(arrays), rows)


def _score(signature: Signature, method: str, document: Mapping[str, Any]) -> dict[str, Any]:
    wanted = METHOD_NAMES[method]
    if signature.method_name != wanted:
        made_for = signature.method_name or "nothing in particular"
        raise Refusal(400, f"signature {signature.name!r}: expected method_name to be {wanted}. Was: {made_for}")
    if len(signature.inputs) != 1 or next(iter(signature.inputs.values())).kind != STRING:
        raise Refusal(400, f"signature {signature.name!r} does not take serialized examples")
    examples = serialized_examples(document, signature.tensorflow)
    outputs = signature({next(iter(signature.inputs)): examples})
    return results(method, outputs, len(examples))
