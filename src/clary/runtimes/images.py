"""Which environment stands for an image: a table from repository names and tags to environment definitions.

The registry's account and region do not matter. A tag is met exactly where that version can be installed on the
Python at hand, else by the nearest version, with a note for the log. Images of no family in the table are
refused with a text that says what there is. Pure; `environments` builds what is chosen here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from clary.runtimes.errors import UnsupportedImage

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """One lockable environment. `version` is the framework's; `newest_python` and `oldest_python` are inclusive."""

    name: str
    framework: str
    version: Version
    oldest_python: Version = (3, 11)
    newest_python: Version = (3, 14)

    @property
    def label(self) -> str:
        return f"{self.framework} {'.'.join(map(str, self.version))}"

    def runs_on(self, python: Version) -> bool:
        return self.oldest_python <= python[:2] <= self.newest_python


@dataclass(frozen=True, slots=True)
class Selection:
    """What stands for an image, and what differs from it."""

    definition: Definition
    notes: tuple[str, ...] = ()


SCIKIT_LEARN = (
    Definition("scikit-learn-1.2", "scikit-learn", (1, 2, 2), newest_python=(3, 11)),
    Definition("scikit-learn-1.4", "scikit-learn", (1, 4, 2), newest_python=(3, 12)),
    Definition("scikit-learn-1.7", "scikit-learn", (1, 7, 2)),
)
XGBOOST = (
    Definition("xgboost-1.7", "xgboost", (1, 7, 6), newest_python=(3, 12)),
    Definition("xgboost-3.2", "xgboost", (3, 2, 0)),
)
CLIENT = Definition("client", "sagemaker", (2, 257), newest_python=(3, 13))
CLIENT_3 = Definition("client-3", "sagemaker", (3, 27), newest_python=(3, 13))
SDK_2 = Definition("sdk", "sagemaker", (2, 257), newest_python=(3, 13))
SDK_3 = Definition("sdk-3", "sagemaker-core", (2, 27), newest_python=(3, 13))
FUNCTIONS = Definition("functions", "awslambdaric", (4, 2, 2))
DEFINITIONS = (*SCIKIT_LEARN, *XGBOOST, CLIENT, CLIENT_3, SDK_2, SDK_3, FUNCTIONS)
WITHOUT_TOOLKIT = frozenset({CLIENT, CLIENT_3, SDK_2, SDK_3})

# Repositories whose image trains without a script.
XGBOOST_IMAGES = frozenset({"sagemaker-xgboost", "xgboost"})
_FAMILIES = {
    "sagemaker-scikit-learn": SCIKIT_LEARN,
    "sagemaker-xgboost": XGBOOST,
    "xgboost": XGBOOST,
}
# `sagemaker-base-python-310`: what the SDK sends for functions when the caller names no image.
_BASE_PYTHON = re.compile(r"sagemaker-base-python(?:-(\d)(\d+))?")
# Known by name, so that the refusal can say what it is.
_NOT_SERVED = (
    (r"pytorch", "PyTorch"),
    (r"huggingface|tgi|tei|djl|triton|vllm|sglang", "Hugging Face and language model servers"),
    (r"tensorflow", "TensorFlow"),
    (r"mxnet", "MXNet"),
    (r"autogluon", "AutoGluon"),
    (r"spark", "Spark"),
    (r"clarify|model-monitor|debugger", "the monitoring images"),
    (
        r"linear-learner|kmeans|pca|knn|ntm|factorization|randomcutforest|ipinsights|object2vec|blazingtext"
        r"|image-classification|object-detection|semantic-segmentation|seq2seq|forecasting-deepar|lda",
        "the built-in algorithms",
    ),
)
_SUPPORTED = (
    "Clary runs sagemaker-scikit-learn, sagemaker-xgboost and sagemaker-base-python images (any account, region and "
    "tag)."
)


def select(image_uri: str, python: Version) -> Selection:
    """The environment for an image on this Python. Raises UnsupportedImage."""
    repository, tag = split_image(image_uri)
    base = _BASE_PYTHON.fullmatch(repository)
    if base is not None:
        return _base_python(repository, base, python)
    family = _FAMILIES.get(repository)
    if family is None:
        raise UnsupportedImage(_refusal(image_uri, repository))
    runnable = [definition for definition in family if definition.runs_on(python)]
    if not runnable:
        raise UnsupportedImage(f"No {family[0].framework} environment for Python {_dotted(python)} is available yet.")
    wanted = _version_of(tag)
    if wanted is None:
        chosen = runnable[-1]
        return Selection(chosen, (f"image {repository} without a version: {chosen.label} is used",))
    chosen = _nearest(runnable, wanted)
    if chosen.version[: len(wanted)] == wanted:
        return Selection(chosen)
    note = (
        f"image {repository}:{tag} asks for {chosen.framework} {_dotted(wanted)}; "
        f"{chosen.label} is the nearest on Python {_dotted(python[:2])}"
    )
    return Selection(chosen, (note,))


def select_sdk(version: str) -> Definition:
    """The environment with the SageMaker SDK that a function sent by this version of it needs: version 3 keeps that
    part of itself in sagemaker-core."""
    return SDK_3 if version.partition(".")[0] == "3" else SDK_2


def _base_python(repository: str, found: re.Match[str], python: Version) -> Selection:
    if not SDK_2.runs_on(python):
        raise UnsupportedImage(f"No {SDK_2.framework} environment for Python {_dotted(python)} is available yet.")
    asked = tuple(int(part) for part in found.groups() if part is not None)
    if not asked or asked == python[:2]:
        return Selection(SDK_2)
    return Selection(SDK_2, (f"image {repository} asks for Python {_dotted(asked)}; this is {_dotted(python[:2])}",))


def split_image(image_uri: str) -> tuple[str, str]:
    """(repository without registry and folders, tag); the tag is empty when there is none."""
    without_digest = image_uri.partition("@")[0]
    last = without_digest.rpartition("/")[2]
    repository, _, tag = last.partition(":")
    return repository, tag


def _version_of(tag: str) -> Version | None:
    """`1.2-1-cpu-py3` -> (1, 2). The number behind the hyphen counts AWS's builds, not the framework."""
    found = re.match(r"(\d+)(?:\.(\d+))?", tag)
    if found is None:
        return None
    return tuple(int(part) for part in found.groups() if part is not None)


def _nearest(candidates: Sequence[Definition], wanted: Version) -> Definition:
    """The oldest version that is not older than the wanted one, else the newest there is."""
    for definition in candidates:
        if definition.version[: len(wanted)] >= wanted:
            return definition
    return candidates[-1]


def _refusal(image_uri: str, repository: str) -> str:
    for pattern, title in _NOT_SERVED:
        if re.search(pattern, repository):
            return f"No environment stands for image {image_uri}: {title} cannot be run yet. {_SUPPORTED}"
    return f"No environment stands for image {image_uri}: own images cannot be run yet. {_SUPPORTED}"


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
