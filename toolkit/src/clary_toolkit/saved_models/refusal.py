"""The one failure that a client is told of, with the status and the document that TensorFlow Serving would send."""

from __future__ import annotations

import json

from clary_toolkit.errors import RequestError
from clary_toolkit.serving.content import JSON


class Refusal(RequestError):
    """A request that cannot be answered."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, json.dumps({"error": message}), JSON)
