"""Which models a model folder holds: every `NAME/VERSION/saved_model.pb`, at any depth. Reads names only.

A folder of numbered versions right at the root of the archive is the model `model`, as the folder is called.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clary_toolkit.errors import ModelServerError

GRAPH = "saved_model.pb"
KERAS = (".keras", ".h5")


@dataclass(frozen=True)
class ModelFolder:
    """`versions`: the folder of each."""

    name: str
    path: Path
    versions: dict[int, Path] = field(default_factory=dict)


def find_models(root: Path) -> list[ModelFolder]:
    """In the order of their paths. Raises ModelServerError when two have the same name."""
    found: dict[Path, ModelFolder] = {}
    for folder in saved_models(root):
        if is_version(folder.name):
            base = folder.parent
            model = found.setdefault(base, ModelFolder(base.name, base))
            model.versions[int(folder.name)] = folder
    models = [found[path] for path in sorted(found)]
    names = [model.name for model in models]
    for model in models:
        if names.count(model.name) > 1:
            raise ModelServerError(f"model.tar.gz holds several models called {model.name!r}; a name may occur once")
    return models


def saved_models(root: Path) -> Iterator[Path]:
    """The folders that hold a SavedModel, wherever they lie."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        if GRAPH in files:
            yield Path(folder)


def keras_files(root: Path) -> list[Path]:
    """Keras' own formats, outside the user's code."""
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix in KERAS and path.is_file() and "code" not in path.relative_to(root).parts[:1]
    )


def is_version(name: str) -> bool:
    return name.isascii() and name.isdigit()


def nothing_found(root: Path) -> ModelServerError:
    """What to say when there is no model: what is there instead, and what is needed."""
    needed = "TensorFlow models are served from NUMBER/saved_model.pb or NAME/NUMBER/saved_model.pb"
    misplaced = [folder.relative_to(root) for folder in saved_models(root)]
    if misplaced:
        where = "its root" if misplaced[0] == Path() else str(misplaced[0])
        return ModelServerError(
            f"model.tar.gz holds a SavedModel in {where}, which is not a numbered folder; {needed}"
        )
    names = sorted(each.name for each in root.iterdir()) if root.is_dir() else []
    held = f"it holds: {', '.join(names[:20])}" if names else "it is empty"
    advice = " (write it with model.export(os.environ['SM_MODEL_DIR'] + '/1'))"
    return ModelServerError(f"model.tar.gz holds no SavedModel; {held}. {needed}{advice}")
