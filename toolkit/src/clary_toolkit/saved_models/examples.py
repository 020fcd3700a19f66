"""classify and regress: examples as JSON to serialized `tf.Example`s, scores to results.

Only models of old make such signatures; those that Keras exports have `predict` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary_toolkit.saved_models.refusal import Refusal
from clary_toolkit.saved_models.tensors import decoded_bytes, is_bytes_object

METHOD_NAMES = {
    "predict": "tensorflow/serving/predict",
    "classify": "tensorflow/serving/classify",
    "regress": "tensorflow/serving/regress",
}


def serialized_examples(document: Mapping[str, Any], tensorflow: Any) -> list[bytes]:
    """One for each entry of `examples`, each with the features of `context`. Raises Refusal."""
    examples, context = document.get("examples"), document.get("context", {})
    if not isinstance(examples, list) or not examples or not all(isinstance(each, dict) for each in examples):
        raise Refusal(400, "'examples' must be a list of at least one object of features")
    if not isinstance(context, dict):
        raise Refusal(400, "'context' must be an object of features")
    train = tensorflow.train
    return [_example({**context, **each}, train).SerializeToString() for each in examples]


def results(method: str, outputs: Mapping[str, Any], count: int) -> dict[str, Any]:
    """`outputs` as the signature gives them. Raises Refusal when they are not those of the method."""
    if method == "regress":
        values = outputs.get("outputs")
        if values is None or values.size != count:
            raise Refusal(400, "the signature does not give one output for each example")
        return {"results": values.reshape(-1).tolist()}
    classes, scores = outputs.get("classes"), outputs.get("scores")
    if classes is None and scores is None:
        raise Refusal(400, "the signature gives neither classes nor scores")
    given = [each for each in (classes, scores) if each is not None]
    if any(each.ndim != 2 or each.shape[0] != count for each in given):
        raise Refusal(400, "the signature does not give one row of classes for each example")
    shape = given[0].shape
    labels = classes.tolist() if classes is not None else [[b""] * shape[1]] * count
    numbers = scores.tolist() if scores is not None else [[0.0] * shape[1]] * count
    return {"results": [_labelled(*row) for row in zip(labels, numbers)]}


def _labelled(labels: list[Any], scores: list[float]) -> list[list[Any]]:
    texts = (label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label) for label in labels)
    return [[text, score] for text, score in zip(texts, scores)]


def _example(features: Mapping[str, Any], train: Any) -> Any:
    return train.Example(
        features=train.Features(feature={name: _feature(name, value, train) for name, value in features.items()})
    )


def _feature(name: str, value: Any, train: Any) -> Any:
    values = value if isinstance(value, list) else [value]
    if all(isinstance(each, str) or is_bytes_object(each) for each in values):
        data = [each.encode() if isinstance(each, str) else decoded_bytes(each) for each in values]
        return train.Feature(bytes_list=train.BytesList(value=data))
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in values):
        raise Refusal(400, f"feature {name} must hold numbers or words, one or a list of one kind")
    try:
        if any(isinstance(each, float) for each in values):
            return train.Feature(float_list=train.FloatList(value=values))
        return train.Feature(int64_list=train.Int64List(value=values))
    except (ValueError, OverflowError) as error:
        raise Refusal(400, f"feature {name}: {error}") from error
