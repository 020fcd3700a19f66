"""Which functions answer a request: the user's where they exist, the framework's defaults elsewhere."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

from clary_toolkit.errors import ModelServerError
from clary_toolkit.serving.calls import call, takes_context
from clary_toolkit.serving.context import Context
from clary_toolkit.serving.parts import comes_in_parts

Function = Callable[..., Any]

# Imported by name and only when needed: see `arrays`.
DEFAULTS = {
    "base": "clary_toolkit.serving.defaults_base",
    "pytorch": "clary_toolkit.serving.defaults_pytorch",
    "scikit-learn": "clary_toolkit.serving.defaults_sklearn",
    "transformers": "clary_toolkit.serving.defaults_transformers",
    "xgboost": "clary_toolkit.serving.defaults_xgboost",
}
STEPS = ("input_fn", "predict_fn", "output_fn")
# Frameworks whose functions have other names and another order.
OTHER_HANDLERS = {"tensorflow": "clary_toolkit.saved_models.handlers"}


class Handler:
    """One function and whether it wants the context."""

    def __init__(self, name: str, function: Function, arguments: int) -> None:
        self.name = name
        self._function = function
        self._wants_context = takes_context(function, arguments)

    def __call__(self, context: Context, *arguments: Any) -> Any:
        if self._wants_context:
            return call(self.name, self._function, *arguments, context)
        return call(self.name, self._function, *arguments)


class ModelHandlers(Protocol):
    """What the server needs: loading, in this order, and the answer to one request."""

    pre_model_fn: Handler | None
    model_fn: Handler
    model_warmup_fn: Handler | None

    def transform(self, model: Any, data: bytes | str, content_type: str, accept: str, context: Context) -> Any:
        """A body or an iterator over its parts, or one of these and its content type."""


def handlers_of(module: ModuleType, framework: str) -> ModelHandlers:
    """Raises ModelServerError when the module cannot serve."""
    if framework in OTHER_HANDLERS:
        made: ModelHandlers = importlib.import_module(OTHER_HANDLERS[framework]).Handlers(module)
        return made
    return Handlers(module, framework)


class Handlers:
    """The functions of one model. Raises ModelServerError when the module cannot serve."""

    def __init__(self, module: ModuleType, framework: str) -> None:
        self.model_fn = Handler("model_fn", _step(module, "model_fn", framework), 1)
        self.pre_model_fn = _optional(module, "pre_model_fn", 1)
        self.model_warmup_fn = _optional(module, "model_warmup_fn", 2)
        self._transform_fn = _optional(module, "transform_fn", 4)
        own = [name for name in STEPS if hasattr(module, name)]
        self._has_output_fn = "output_fn" in own
        if self._transform_fn is not None:
            if own:
                raise ModelServerError(f"{_file(module)} defines transform_fn together with {', '.join(own)}")
            return
        self._input_fn, self._predict_fn, self._output_fn = (
            Handler(name, _step(module, name, framework), 2) for name in STEPS
        )

    def transform(self, model: Any, data: bytes | str, content_type: str, accept: str, context: Context) -> Any:
        """The answer of the handlers: a body or an iterator over its parts, or one of these and its content type."""
        if self._transform_fn is not None:
            return self._transform_fn(context, model, data, content_type, accept)
        decoded = self._input_fn(context, data, content_type)
        prediction = self._predict_fn(context, decoded, model)
        if not self._has_output_fn and comes_in_parts(prediction):
            return prediction  # the defaults encode arrays; what is yielded goes out as it is
        return self._output_fn(context, prediction, accept)


def _step(module: ModuleType, name: str, framework: str) -> Function:
    found = getattr(module, name, None)
    if found is None and framework in DEFAULTS:
        found = getattr(importlib.import_module(DEFAULTS[framework]), name, None)
    return _callable(module, name, found) if found is not None else _needed(module, name, framework)


def _optional(module: ModuleType, name: str, arguments: int) -> Handler | None:
    found = getattr(module, name, None)
    return None if found is None else Handler(name, _callable(module, name, found), arguments)


def _needed(module: ModuleType, name: str, framework: str) -> Function:
    found = getattr(module, name, None)
    if found is None:
        raise ModelServerError(f"{_file(module)} does not define {name}, which framework {framework!r} needs")
    return _callable(module, name, found)


def _callable(module: ModuleType, name: str, found: Any) -> Function:
    if not callable(found):
        raise ModelServerError(f"{name} in {_file(module)} is not a function")
    function: Function = found
    return function


def _file(module: ModuleType) -> str:
    return (module.__file__ or module.__name__).rsplit("/", 1)[-1]
