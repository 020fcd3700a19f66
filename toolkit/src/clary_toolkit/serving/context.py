"""What a handler that asks for one more parameter is given: the request's headers in, the answer's headers out.

The method names are those of the model servers such handlers were written for; `position` is their index into
a batch of requests and is always 0 here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
GPU = Path("/dev/nvidia0")
FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


class Context:
    """Lives for one request; at loading time there is one without request headers."""

    def __init__(self, model_dir: str, headers: Mapping[str, str]) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": 0 if GPU.exists() else None, "batch_size": 1}
        self.model_name = "model"
        self.request_processor = [self]
        self.response_status: int | None = None
        self.response_content_type: str | None = None
        self.response_headers: dict[str, str] = {}
        self._headers = headers

    @property
    def custom_attributes(self) -> str | None:
        return self._headers.get(CUSTOM_ATTRIBUTES.lower())

    @property
    def inference_id(self) -> str | None:
        return self._headers.get(INFERENCE_ID.lower())

    def get_request_header(self, position: int, key: str) -> str | None:
        return self._headers.get(key.lower())

    def get_all_request_header(self, position: int) -> dict[str, str]:
        return {_titled(name): value for name, value in self._headers.items()}

    def get_request_properties(self) -> dict[str, str]:
        return self.get_all_request_header(0)

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        if not 200 <= int(code) <= 599:
            raise ValueError(f"{code} is not a status an answer can have")
        self.response_status = int(code)

    def set_response_content_type(self, position: int, value: str) -> None:
        self.response_content_type = value

    def set_response_header(self, position: int, key: str, value: str) -> None:
        self.response_headers[key] = checked_header(key, value)

    def set_custom_attributes(self, value: str) -> None:
        self.set_response_header(0, CUSTOM_ATTRIBUTES, value)


def checked_header(name: str, value: str) -> str:
    """The value, unless it or the name could break out of its header line."""
    if not NAME.fullmatch(name) or not VALUE.fullmatch(value) or name.lower() in FRAMING:
        raise ValueError(f"header {name!r} has a name or value that an answer must not have")
    return value


def _titled(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
