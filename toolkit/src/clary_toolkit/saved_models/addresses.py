"""Which model, version, method and signature a request means: from its attributes or from its path. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from clary_toolkit.saved_models.refusal import Refusal

METHODS = frozenset({"predict", "classify", "regress"})
_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/([^/:]+))?(?::([^/:]+))?")


@dataclass(frozen=True)
class Target:
    """An empty `method` asks for the model's state. Without a `version` the newest is meant."""

    model: str
    version: int | None = None
    method: str = "predict"
    signature: str = ""

    @property
    def path(self) -> str:
        version = "" if self.version is None else f"/versions/{self.version}"
        return f"/v1/models/{quote(self.model, safe='')}{version}:{self.method}"


def attributes(header: str | None) -> dict[str, str]:
    """The `tfs-...` of custom attributes: `tfs-model-name=a,tfs-method=classify`."""
    pairs = (part.strip().partition("=") for part in (header or "").split(","))
    return {name: value.strip() for name, _, value in pairs if name.startswith("tfs-") and value.strip()}


def target_of(given: dict[str, str], default_model: str) -> Target:
    """From custom attributes. Raises Refusal."""
    return _checked(
        given.get("tfs-model-name", default_model),
        given.get("tfs-model-version"),
        given.get("tfs-method", "predict"),
        given.get("tfs-signature-name", ""),
    )


def target_at(path: str) -> Target:
    """From a path of the REST interface. Raises Refusal."""
    found = _PATH.fullmatch(path.partition("?")[0])
    if found is None:
        raise Refusal(400, f"Malformed request: {path}")
    model, version, method = unquote(found[1]), found[2], found[3]
    return _checked(model, version, method) if method else Target(model, _number(version, path), "")


def _checked(model: str, version: str | None, method: str, signature: str = "") -> Target:
    where = f"/v1/models/{model}{f'/versions/{version}' if version else ''}:{method}"
    if method not in METHODS:
        raise Refusal(400, f"Malformed request: POST {where}")
    return Target(model, _number(version, where), method, signature)


def _number(version: str | None, where: str) -> int | None:
    if version is None:
        return None
    if not (version.isascii() and version.isdigit() and len(version) < 20):
        raise Refusal(400, f"Malformed request: POST {where}")
    return int(version)
