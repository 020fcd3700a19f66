"""Which environment stands for an image: a table from repository names and tags to environment definitions.

The registry's account and region do not matter, except for algorithms (see `registries`). A tag is met exactly where
that version can be installed on the Python at hand, else by the nearest version, with a note for the log. Images of
no family in the table are refused with a text that says what there is. Pure; `environments` builds what is chosen
here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clary.runtimes.errors import UnsupportedImage
from clary.runtimes.registries import read_address

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """One lockable environment. `version` is the framework's; `newest_python` and `oldest_python` are inclusive.

    `with_torch`: PyTorch comes on top of the lock, see `torch_builds`. `for_jobs`: units see it read-only, so it has
    its bytecode from the start; client programs write that of the small part that they use.
    """

    name: str
    framework: str
    version: Version
    oldest_python: Version = (3, 11)
    newest_python: Version = (3, 14)
    with_torch: bool = False
    for_jobs: bool = True

    @property
    def label(self) -> str:
        return f"{self.framework} {'.'.join(map(str, self.version))}"

    def runs_on(self, python: Version) -> bool:
        return self.oldest_python <= python[:2] <= self.newest_python


@dataclass(frozen=True, slots=True)
class Selection:
    """What stands for an image, and what differs from it. `algorithm`: what the image trains and serves by itself;
    `variables`: what makes the environment behave as the image."""

    definition: Definition
    notes: tuple[str, ...] = ()
    algorithm: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def framework(self) -> str:
        """What the toolkit is told: it has a part for each framework and for each algorithm."""
        return self.algorithm or self.definition.framework


SCIKIT_LEARN = (
    Definition("scikit-learn-1.2", "scikit-learn", (1, 2, 2), newest_python=(3, 11)),
    Definition("scikit-learn-1.4", "scikit-learn", (1, 4, 2), newest_python=(3, 12)),
    Definition("scikit-learn-1.7", "scikit-learn", (1, 7, 2)),
)
XGBOOST = (
    Definition("xgboost-1.7", "xgboost", (1, 7, 6), newest_python=(3, 12)),
    Definition("xgboost-3.2", "xgboost", (3, 2, 0)),
)
# One environment for both: with PyTorch in each, two would take a second gigabyte and minute.
PYTORCH = (Definition("torch-2.13", "pytorch", (2, 13, 0), with_torch=True),)
TRANSFORMERS = (Definition("torch-2.13", "transformers", (4, 57, 6), with_torch=True),)
TENSORFLOW = (Definition("tensorflow-2.20", "tensorflow", (2, 20, 0), newest_python=(3, 13)),)
CLIENT = Definition("client", "sagemaker", (2, 257), newest_python=(3, 13), for_jobs=False)
CLIENT_3 = Definition("client-3", "sagemaker", (3, 27), newest_python=(3, 13), for_jobs=False)
SDK_2 = Definition("sdk", "sagemaker", (2, 257), newest_python=(3, 13))
SDK_3 = Definition("sdk-3", "sagemaker-core", (2, 27), newest_python=(3, 13))
FUNCTIONS = Definition("functions", "awslambdaric", (4, 2, 2))
FRAMEWORKS = (*SCIKIT_LEARN, *XGBOOST, *PYTORCH, *TRANSFORMERS, *TENSORFLOW)
DEFINITIONS = (*FRAMEWORKS, CLIENT, CLIENT_3, SDK_2, SDK_3, FUNCTIONS)

# Repositories whose image is an algorithm and never runs a script; what they are made of is scikit-learn.
ALGORITHMS = frozenset({"kmeans", "linear-learner", "pca", "knn", "randomcutforest"})
# Names that anybody may give an image: only AWS's registries hold the algorithm of that name.
_COMMON_NAMES = ALGORITHMS | {"xgboost"}
# Repositories whose image trains without a script, too.
XGBOOST_IMAGES = frozenset({"sagemaker-xgboost", "xgboost"})
_FAMILIES = {
    "sagemaker-scikit-learn": SCIKIT_LEARN,
    "sagemaker-xgboost": XGBOOST,
    "xgboost": XGBOOST,
    "pytorch-training": PYTORCH,
    "pytorch-inference": PYTORCH,
    "pytorch-training-graviton": PYTORCH,
    "pytorch-inference-graviton": PYTORCH,
    "pytorch-training-arm64": PYTORCH,
    "pytorch-inference-arm64": PYTORCH,
    "sagemaker-pytorch": PYTORCH,
    "huggingface-pytorch-training": TRANSFORMERS,
    "huggingface-pytorch-inference": TRANSFORMERS,
    "tensorflow-training": TENSORFLOW,
    "tensorflow-inference": TENSORFLOW,
    "tensorflow-training-graviton": TENSORFLOW,
    "tensorflow-inference-graviton": TENSORFLOW,
    "sagemaker-tensorflow": TENSORFLOW,
    "sagemaker-tensorflow-scriptmode": TENSORFLOW,
    "sagemaker-tensorflow-serving": TENSORFLOW,
}
# `sagemaker-base-python-310`: what the SDK sends for functions when the caller names no image.
_BASE_PYTHON = re.compile(r"sagemaker-base-python(?:-(\d)(\d+))?")
# `tf.keras` was Keras 2 before this version; scripts for it save and load what Keras 3 does not.
_FIRST_WITH_KERAS_3 = (2, 16)
_KERAS_2 = (("TF_USE_LEGACY_KERAS", "1"),)
_KERAS_2_NOTE = (
    "tf.keras is Keras 2 as in that image; with TF_USE_LEGACY_KERAS=0 in the job's Environment it is Keras 3"
)
# Before this version the algorithm's image wrote its model as a pickle, and scripts that go on with it read one.
_FIRST_WITH_XGBOOST_FILES = (1, 3)
_PICKLED_MODEL = (("CLARY_XGBOOST_MODEL", "pickle"),)
# Known by name, so that the refusal can say what it is.
_NOT_SERVED = (
    (r"tgi|tei|djl|triton|vllm|sglang|llamacpp", "language model servers"),
    (r"neuron|trcomp|-eia", "models compiled for a special device"),
    (r"huggingface", "Hugging Face with this framework"),
    (r"pytorch", "this variant of PyTorch"),
    (r"tensorflow", "this variant of TensorFlow"),
    (r"mxnet", "MXNet"),
    (r"autogluon", "AutoGluon"),
    (r"spark", "Spark"),
    (r"clarify|model-monitor|debugger", "the monitoring images"),
    (
        r"ntm|factorization|ipinsights|object2vec|blazingtext"
        r"|image-classification|object-detection|semantic-segmentation|seq2seq|forecasting-deepar|lda",
        "this one of the built-in algorithms",
    ),
)
_SUPPORTED = (
    "Clary runs sagemaker-scikit-learn, sagemaker-xgboost, pytorch-training, pytorch-inference, "
    "huggingface-pytorch-training, huggingface-pytorch-inference, tensorflow-training, tensorflow-inference and "
    "sagemaker-base-python images and the algorithms "
    f"{', '.join(sorted(ALGORITHMS))} (any tag and region)."
)


def select(image_uri: str, python: Version) -> Selection:
    """The environment for an image on this Python. Raises UnsupportedImage."""
    repository, tag = split_image(image_uri)
    if repository in _COMMON_NAMES and not read_address(image_uri).is_algorithms:
        raise UnsupportedImage(_only_called_so(image_uri, repository))
    base = _BASE_PYTHON.fullmatch(repository)
    if base is not None:
        return _base_python(repository, base, python)
    if repository in ALGORITHMS:
        # The one that most scripts of scikit-learn ask for, so that it is there already.
        return Selection(_runnable(SCIKIT_LEARN, python)[0], algorithm=repository)
    family = _FAMILIES.get(repository)
    if family is None:
        raise UnsupportedImage(_refusal(image_uri, repository))
    runnable = _runnable(family, python)
    wanted = _transformers_version(tag) if family is TRANSFORMERS else _version_of(tag)
    chosen = runnable[-1] if wanted is None else _nearest(runnable, wanted)
    notes = _version_notes(chosen, repository, tag, wanted, python)
    if family is TENSORFLOW and "gpu" in tag:
        notes += (f"image {repository}:{tag} is made for GPUs; {chosen.label} computes on the CPU here",)
    if family is TENSORFLOW and wanted is not None and wanted < _FIRST_WITH_KERAS_3:
        return Selection(chosen, (*notes, _KERAS_2_NOTE), variables=_KERAS_2)
    if repository == "xgboost" or (family is XGBOOST and wanted is not None and wanted < _FIRST_WITH_XGBOOST_FILES):
        return Selection(chosen, notes, variables=_PICKLED_MODEL)
    return Selection(chosen, notes)


def trains_alone(
    image_uri: str,
    hyperparameters: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> bool:
    """Whether the image's own algorithm trains, not a script, nor a `command` in its place; its metrics need no
    definitions. Where a script is named, the toolkit looks as well."""
    repository = split_image(image_uri)[0]
    if repository in _COMMON_NAMES and not read_address(image_uri).is_algorithms:
        return False
    scripted = "sagemaker_program" in hyperparameters or bool((variables or {}).get("SAGEMAKER_PROGRAM"))
    return not command and (repository in ALGORITHMS or (repository in XGBOOST_IMAGES and not scripted))


def has_family(image_uri: str) -> bool:
    """Whether an environment stands for the image, on one Python or another; jobs of others fail with the reason."""
    address = read_address(image_uri)
    name = address.repository
    if name in _COMMON_NAMES:
        return address.is_algorithms
    return name in _FAMILIES or name in ALGORITHMS or _BASE_PYTHON.fullmatch(name) is not None


def tells_metrics(
    image_uri: str,
    hyperparameters: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> bool:
    """Whether the image's metrics are known without definitions: those of its algorithm, and of XGBoost's rounds also
    where a script prints them."""
    rounds = split_image(image_uri)[0] in XGBOOST_IMAGES and not command
    return trains_alone(image_uri, {} if rounds else hyperparameters, None if rounds else variables, command)


def _version_notes(
    chosen: Definition, repository: str, tag: str, wanted: Version | None, python: Version
) -> tuple[str, ...]:
    if wanted is None:
        return (f"image {repository} without a version: {chosen.label} is used",)
    if chosen.version[: len(wanted)] == wanted:
        return ()
    nearest = f"{chosen.label} is the nearest on Python {_dotted(python[:2])}"
    return (f"image {repository}:{tag} asks for {chosen.framework} {_dotted(wanted)}; {nearest}",)


def select_sdk(version: str) -> Definition:
    """The environment with the SageMaker SDK that a function sent by this version of it needs: version 3 keeps that
    part of itself in sagemaker-core."""
    return SDK_3 if version.partition(".")[0] == "3" else SDK_2


def _runnable(family: Sequence[Definition], python: Version) -> list[Definition]:
    """In the table's order. Raises UnsupportedImage when there is none."""
    runnable = [definition for definition in family if definition.runs_on(python)]
    if not runnable:
        raise UnsupportedImage(f"No {family[0].framework} environment for Python {_dotted(python)} is available yet.")
    return runnable


def _base_python(repository: str, found: re.Match[str], python: Version) -> Selection:
    if not SDK_2.runs_on(python):
        raise UnsupportedImage(f"No {SDK_2.framework} environment for Python {_dotted(python)} is available yet.")
    asked = tuple(int(part) for part in found.groups() if part is not None)
    if not asked or asked == python[:2]:
        return Selection(SDK_2)
    return Selection(SDK_2, (f"image {repository} asks for Python {_dotted(asked)}; this is {_dotted(python[:2])}",))


def split_image(image_uri: str) -> tuple[str, str]:
    """(repository without registry and folders, tag); the tag is empty when there is none."""
    address = read_address(image_uri)
    return address.repository, address.tag


def _version_of(tag: str) -> Version | None:
    """`1.2-1-cpu-py3` -> (1, 2). The number behind the hyphen counts AWS's builds, not the framework."""
    found = re.match(r"(\d+)(?:\.(\d+))?", tag)
    if found is None:
        return None
    return tuple(int(part) for part in found.groups() if part is not None)


def _transformers_version(tag: str) -> Version | None:
    """`2.1.0-transformers4.37.0-cpu-py310` -> (4, 37). The first number is that of the framework below."""
    found = re.search(r"transformers(\d+)\.(\d+)", tag)
    return (int(found[1]), int(found[2])) if found else None


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


def _only_called_so(image_uri: str, repository: str) -> str:
    return (
        f"No environment stands for image {image_uri}: it is called {repository} but does not lie in a registry of "
        f"AWS's algorithms, so it is an own image, and own images cannot be run yet. If the built-in algorithm is "
        f"meant, write {repository}:1, or the address that the SDK's image_uris.retrieve gives."
    )


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
