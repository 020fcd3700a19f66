"""Reads a pickled booster, as the images before 1.0 left them; a pickle of that time also with the XGBoost of today.

Such a pickle holds the model in the format of files instead of that of pickles. Called by the algorithm's serving,
inside the user's own process.
"""

from __future__ import annotations

import importlib
import io
import pickle
from typing import Any

_BEGINNINGS = (b"\x80", b"ccopy_reg\n", b"cxgboost.core\n")  # of protocol 2 and later, and of Python 2's own


def is_pickle(data: bytes) -> bool:
    """Model files begin otherwise: with `{` or with bytes of numbers."""
    return data.startswith(_BEGINNINGS)


def load(data: bytes) -> Any:
    return _Reader(io.BytesIO(data)).load()


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return _forgiving(found) if (module, name) == ("xgboost.core", "Booster") else found


def _forgiving(booster: Any) -> Any:
    """The class with another way to take in its state where its own refuses it."""
    refused = importlib.import_module("xgboost").core.XGBoostError

    def take_in(self: Any, state: dict[str, Any]) -> None:
        try:
            booster.__setstate__(self, dict(state))
        except refused:
            self.__init__()
            self.load_model(bytearray(state["handle"]))

    return type("Booster", (booster,), {"__setstate__": take_in})
