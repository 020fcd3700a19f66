"""One request to one answer: bodies and headers in, the handlers, every kind of failure out as a status."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clary_toolkit.errors import RequestError
from clary_toolkit.serving import content
from clary_toolkit.serving.calls import UserCodeFailed, call
from clary_toolkit.serving.context import Context, checked_header
from clary_toolkit.serving.handlers import ModelHandlers
from clary_toolkit.serving.parts import Parts, comes_in_parts

TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """`headers` by lower-case name. `keep_alive` is what the client's request asked for; `chunks`: it knows them."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool = True
    chunks: bool = True


@dataclass(frozen=True)
class Answer:
    """With `parts`, `body` is the first part only; whoever sends the answer takes the others and closes them."""

    status: int
    body: bytes = b""
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Parts | None = None

    @classmethod
    def text(cls, status: int, text: str) -> Answer:
        return cls(status, text.encode("utf-8", "replace"))


class Invocations:
    """Answers POST /invocations with one model. Called from one thread at a time."""

    def __init__(
        self,
        handlers: ModelHandlers,
        model: Any,
        model_dir: str,
        default_accept: str,
        default_content_type: str = content.JSON,
    ) -> None:
        self._handlers = handlers
        self._model = model
        self._model_dir = model_dir
        self._default_accept = default_accept
        self._default_content_type = default_content_type

    def answer(self, request: Request) -> Answer:
        started = time.perf_counter()
        try:
            return self._transformed(request)
        except RequestError as error:
            answer = Answer(error.status, error.message.encode("utf-8", "replace"), error.content_type or TEXT)
        except UserCodeFailed as error:
            error.print_traceback()
            answer = Answer.text(500, str(error))
        _log_failure(request, answer, time.perf_counter() - started)
        return answer

    def _transformed(self, request: Request) -> Answer:
        headers = request.headers
        content_type = headers.get("content-type") or self._default_content_type
        accept = content.accept_for_handler(headers.get("accept", ""), self._default_accept)
        data = content.body_for_handler(request.body, content_type)
        context = Context(self._model_dir, headers)
        result = self._handlers.transform(self._model, data, content_type, accept, context)
        body, kind = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
        parts = Parts(body) if comes_in_parts(body) else None
        if parts is not None:
            body = next(parts, b"")  # before the head: a failure until here is still a status, headers can be set
        named = context.response_content_type or kind or content.response_type(accept, self._default_accept)
        return Answer(
            status=context.response_status or 200,
            body=call("encoding the answer", content.encoded_body, body),
            content_type=call("encoding the answer", checked_header, "content-type", str(named)),
            headers=context.response_headers,
            parts=parts,
        )


def log_broken_off(request: Request, error: UserCodeFailed | RequestError) -> None:
    """The answer has begun, so that no status can tell of the failure any more."""
    if isinstance(error, UserCodeFailed):
        error.print_traceback()
    print(f"{request.method} {request.path} broken off: {error}", file=sys.stdout, flush=True)


def _log_failure(request: Request, answer: Answer, seconds: float) -> None:
    """The one access line; invocations that succeed leave none."""
    inference_id = request.headers.get("x-amzn-sagemaker-inference-id", "-")
    text = answer.body.decode("utf-8", "replace").replace("\n", " ")[:500]
    print(
        f"{request.method} {request.path} {answer.status} {seconds * 1000:.1f}ms"
        f" bytes={len(request.body)} inference-id={inference_id} {text}",
        file=sys.stdout,
        flush=True,
    )
