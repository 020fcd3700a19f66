"""Calling the user's code: the one place of the toolkit where every exception is caught.

Whatever the user's code raises must become an answer or a reason, never the end of the server.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from clary_toolkit.errors import RequestError


class UserCodeFailed(Exception):
    """`stage` names the function (or the import) that raised `cause`."""

    def __init__(self, stage: str, cause: BaseException) -> None:
        super().__init__(f"{stage} raised {described(cause)}")
        self.stage = stage
        self.cause = cause

    def print_traceback(self) -> None:
        """The user's part of the traceback, on standard output like everything else in the log."""
        own = self.cause.__traceback__
        frames: TracebackType | None = own.tb_next if own is not None else None
        traceback.print_exception(type(self.cause), self.cause, frames or own, file=sys.stdout)
        sys.stdout.flush()


def call(stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result. Raises UserCodeFailed, or RequestError where a default handler means it."""
    try:
        return function(*arguments)
    except RequestError:
        raise
    except (Exception, SystemExit) as error:
        raise UserCodeFailed(stage, error) from error


def described(error: BaseException) -> str:
    """`Class: message`, in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def takes_context(function: Callable[..., Any], arguments: int) -> bool:
    """Whether the function has room for one more positional argument than it must be given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [each for each in parameters if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
    return len(positional) == arguments + 1
