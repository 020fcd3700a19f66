"""Checkpoints of a training job: restored from S3 before it starts, brought back while it runs and when it ends.

Every instance restores all of them and brings back what it changed itself. What is gone here is not deleted there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from clary.engine.role_objects import RoleObjects
from clary.runtimes import sources, staging
from clary.runtimes.uploads import Synced

_DEFAULT = "/opt/ml/checkpoints"


def restore(objects: RoleObjects, request: dict[str, Any], opt_ml: Path) -> None:
    """A first run finds nothing there, which is no error."""
    synced = _synced(request, opt_ml)
    if synced is None:
        return
    synced.folder.mkdir(parents=True, exist_ok=True)
    with staging.downloading("Checkpoint download failed:"):
        staging.place_found(objects, sources.list_prefix(objects, f"{synced.uri}/"), synced.folder)
    synced.mark()


def upload_rested(objects: Callable[[], RoleObjects], request: dict[str, Any], opt_ml: Path, now: datetime) -> None:
    """At most every few seconds, while the job runs."""
    synced = _synced(request, opt_ml)
    if synced is not None and synced.is_due(now):
        synced.upload_rested(objects(), now)


def upload_rest(objects: RoleObjects, request: dict[str, Any], opt_ml: Path) -> None:
    """However the job ended."""
    synced = _synced(request, opt_ml)
    if synced is not None and synced.folder.is_dir():
        synced.upload_rest(objects)


def _synced(request: dict[str, Any], opt_ml: Path) -> Synced | None:
    config = request.get("CheckpointConfig")
    if not config:
        return None
    folder = staging.local_path(opt_ml, config.get("LocalPath") or _DEFAULT)
    return Synced(folder, config["S3Uri"].rstrip("/"), opt_ml, opt_ml.parent / "checkpoints.json")
