"""scikit-learn's handlers: arrays in, `model.predict`, arrays out. numpy and the model come from the user.

One difference from the original: an input of one dimension is taken as one row by the default `predict_fn`,
where the original lets scikit-learn refuse it. A `predict_fn` of the user's own sees what the original gives.
"""

from __future__ import annotations

from typing import Any

from clary_toolkit.errors import RequestError
from clary_toolkit.serving import arrays
from clary_toolkit.serving.content import TEXT_TYPES, media_type


def input_fn(data: Any, content_type: str) -> Any:
    """float32 for the text types, the sender's own numbers for binary ones."""
    array = arrays.decode(data, content_type)
    if media_type(content_type) not in TEXT_TYPES:
        return array
    try:
        return array.astype("float32")
    except (ValueError, TypeError) as error:
        raise RequestError(400, f"the body does not hold numbers only: {error}") from error


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data.reshape(1, -1) if getattr(data, "ndim", 2) < 2 else data)


def output_fn(prediction: Any, accept: str) -> tuple[bytes | str, str]:
    return arrays.encode(prediction, accept)
