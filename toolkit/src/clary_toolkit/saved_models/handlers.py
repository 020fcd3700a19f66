"""What a request of the model server becomes: the user's handlers where there are any, else the models directly.

`handler(data, context)` answers alone. `input_handler(data, context)` makes a request of TensorFlow Serving's REST
interface, which is really sent to `context.rest_uri`; `output_handler(response, context)` is given the response.
"""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from clary_toolkit.errors import ModelServerError
from clary_toolkit.saved_models.addresses import attributes, target_of
from clary_toolkit.saved_models.answers import answer
from clary_toolkit.saved_models.documents import request_document
from clary_toolkit.saved_models.loading import Models, load_models
from clary_toolkit.saved_models.refusal import Refusal
from clary_toolkit.saved_models.rest import RestServer
from clary_toolkit.serving.calls import UserCodeFailed, call
from clary_toolkit.serving.content import JSON, acceptable
from clary_toolkit.serving.context import Context
from clary_toolkit.serving.handlers import Handler

NAMED = frozenset({JSON, "application/jsonlines"})


class InvocationContext(NamedTuple):
    """What the user's handlers are given. There is no gRPC here: `grpc_port` and `channel` are None."""

    model_name: str | None
    model_version: str | None
    method: str | None
    rest_uri: str
    grpc_port: str | None
    channel: None
    custom_attributes: str | None
    request_content_type: str
    accept_header: str
    content_length: int


class Handlers:
    """The handlers of one model server. Raises ModelServerError when the user's module has none."""

    pre_model_fn: Handler | None = None
    model_warmup_fn: Handler | None = None

    def __init__(self, module: ModuleType) -> None:
        self.model_fn = Handler("loading the models", self._load, 1)
        self._handler: Any = getattr(module, "handler", None)
        self._input: Any = getattr(module, "input_handler", None)
        self._output: Any = getattr(module, "output_handler", None)
        self._own = module.__name__ != __name__
        if self._own and self._handler is None and (self._input is None or self._output is None):
            raise ModelServerError(
                "inference.py defines neither handler nor input_handler with output_handler, "
                "which TensorFlow models are served with"
            )

    def _load(self, model_dir: str) -> Models:
        models = load_models(Path(model_dir))
        if self._own:
            self._rest = RestServer(models)
        if self._own and self._handler is None:
            self._session = importlib.import_module("requests").Session()
            self._session.trust_env = False  # no proxy on the way to this very process
        return models

    def transform(self, model: Any, data: bytes | str, content_type: str, accept: str, context: Context) -> Any:
        """The answer's body and its content type. Raises Refusal with the document of TensorFlow Serving."""
        try:
            if self._own:
                return self._handled(model, data, content_type, accept, context)
            return call("the model", _predicted, model, data, content_type, accept, context)
        except UserCodeFailed as error:
            error.print_traceback()
            raise Refusal(500, str(error.cause)) from error

    def _handled(self, models: Models, data: bytes | str, content_type: str, accept: str, context: Context) -> Any:
        body = data.encode() if isinstance(data, str) else data
        given = self._context(models, body, content_type, accept, context)
        if self._handler is not None:
            return call("handler", self._handler, io.BytesIO(body), given)
        processed = call("input_handler", self._input, io.BytesIO(body), given)
        response = call("sending what input_handler returned", self._session.post, given.rest_uri, processed)
        return call("output_handler", self._output, response, given)

    def _context(
        self, models: Models, body: bytes, content_type: str, accept: str, context: Context
    ) -> InvocationContext:
        given = attributes(context.custom_attributes)
        return InvocationContext(
            model_name=given.get("tfs-model-name"),
            model_version=given.get("tfs-model-version"),
            method=given.get("tfs-method"),
            rest_uri=self._rest.uri(target_of(given, models.default)),
            grpc_port=None,
            channel=None,
            custom_attributes=context.custom_attributes,
            request_content_type=content_type,
            accept_header=accept,
            content_length=len(body),
        )


def _predicted(
    models: Models, data: bytes | str, content_type: str, accept: str, context: Context
) -> tuple[bytes, str]:
    target = target_of(attributes(context.custom_attributes), models.default)
    return answer(models, target, request_document(data, content_type)), _answer_type(accept)


def _answer_type(accept: str) -> str:
    """The client's first choice where that is a kind of JSON; everything else is answered with JSON as well."""
    wanted = acceptable(accept)
    return wanted[0] if wanted and not NAMED.isdisjoint(wanted) and wanted[0] in NAMED else JSON
