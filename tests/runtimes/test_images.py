"""Images to environments."""

from __future__ import annotations

import importlib.util
import re

import pytest

from clary.runtimes import environments, images
from clary.runtimes.errors import UnsupportedImage
from clary_toolkit.serving.settings import ALGORITHMS
from clary_toolkit.training.command import WITHOUT_SCRIPTS

PREFIX = "683313688378.dkr.ecr.us-east-1.amazonaws.com/"
ALGORITHMS_HERE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/"


@pytest.mark.parametrize(
    ("image", "python", "name", "noted"),
    [
        ("sagemaker-scikit-learn:1.2-1-cpu-py3", (3, 11), "scikit-learn-1.2", False),
        ("sagemaker-scikit-learn:1.2-1", (3, 11), "scikit-learn-1.2", False),
        ("sagemaker-scikit-learn:0.20.0-cpu-py3", (3, 11), "scikit-learn-1.2", True),
        ("sagemaker-scikit-learn:0.23-1-cpu-py3", (3, 11), "scikit-learn-1.2", True),
        ("sagemaker-scikit-learn:1.0-1-cpu-py3", (3, 11), "scikit-learn-1.2", True),
        ("sagemaker-scikit-learn:1.2-1-cpu-py3", (3, 12), "scikit-learn-1.4", True),
        ("sagemaker-scikit-learn:1.4-2-py312", (3, 12), "scikit-learn-1.4", False),
        ("sagemaker-scikit-learn:1.4-2-py312", (3, 13), "scikit-learn-1.7", True),
        ("sagemaker-scikit-learn:1.2-1", (3, 14), "scikit-learn-1.7", True),
        ("sagemaker-scikit-learn", (3, 11), "scikit-learn-1.7", True),
        ("sagemaker-scikit-learn:latest", (3, 11), "scikit-learn-1.7", True),
        ("sagemaker-scikit-learn@sha256:aa", (3, 11), "scikit-learn-1.7", True),
        ("sagemaker-scikit-learn:9.9-1", (3, 11), "scikit-learn-1.7", True),
        ("sagemaker-xgboost:1.7-1", (3, 11), "xgboost-1.7", False),
        ("sagemaker-xgboost:0.90-2-cpu-py3", (3, 11), "xgboost-1.7", True),
        ("sagemaker-xgboost:1.0-1-cpu-py3", (3, 12), "xgboost-1.7", True),
        ("sagemaker-xgboost:3.0-5", (3, 11), "xgboost-3.2", True),
        ("sagemaker-xgboost:3.2-0", (3, 13), "xgboost-3.2", False),
        ("pytorch-training:2.3.0-cpu-py311", (3, 11), "torch-2.13", True),
        ("pytorch-training:2.13.0-gpu-py312-cu130-ubuntu22.04-sagemaker", (3, 12), "torch-2.13", False),
        ("pytorch-inference:1.12-cpu-py38", (3, 14), "torch-2.13", True),
        ("sagemaker-pytorch:1.0.0-cpu-py3", (3, 11), "torch-2.13", True),
        ("huggingface-pytorch-training:2.1.0-transformers4.36.0-gpu-py310", (3, 11), "torch-2.13", True),
        ("huggingface-pytorch-inference:2.6.0-transformers4.57.1-cpu-py312", (3, 12), "torch-2.13", False),
        ("tensorflow-training:2.14.1-cpu-py310", (3, 11), "tensorflow-2.20", True),
        ("tensorflow-inference:2.20.0-cpu", (3, 13), "tensorflow-2.20", False),
        ("sagemaker-tensorflow-scriptmode:1.15.2-cpu-py3", (3, 11), "tensorflow-2.20", True),
        ("sagemaker-base-python-310:1.0", (3, 11), "sdk", True),
        ("sagemaker-base-python-311:1.0", (3, 11), "sdk", False),
        ("mirrored/by/us/sagemaker-xgboost:1.7-1", (3, 11), "xgboost-1.7", False),
    ],
)
def test_select(image: str, python: tuple[int, int], name: str, noted: bool) -> None:
    for prefix in (PREFIX, "000000000000.dkr.ecr.cn-north-1.amazonaws.com.cn/", "localhost:5000/", ""):
        selection = images.select(prefix + image, python)
        assert selection.definition.name == name
        assert bool(selection.notes) == noted


@pytest.mark.parametrize(
    "image",
    [
        "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1",
        "390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/xgboost:latest",
        "382416733822.dkr.ecr-fips.us-east-1.amazonaws.com/xgboost",
        "xgboost:1",
        "xgboost",
    ],
)
def test_the_first_xgboost_is_one_of_the_algorithms(image: str) -> None:
    assert images.select(image, (3, 11)).definition.framework == "xgboost"
    assert images.trains_alone(image, {})


@pytest.mark.parametrize(
    ("image", "pickled"),
    [
        ("sagemaker-xgboost:0.90-2-cpu-py3", True),
        ("sagemaker-xgboost:1.0-1-cpu-py3", True),
        ("sagemaker-xgboost:1.2-2", True),
        ("sagemaker-xgboost:1.3-1", False),
        ("sagemaker-xgboost:3.0-5", False),
        ("sagemaker-xgboost:latest", False),
        ("xgboost:1", True),
        ("xgboost:latest", True),
        ("sagemaker-scikit-learn:0.23-1-cpu-py3", False),
    ],
)
def test_old_images_of_xgboost_write_pickles(image: str, pickled: bool) -> None:
    variables = dict(images.select(image, (3, 11)).variables)
    assert variables.get("CLARY_XGBOOST_MODEL") == ("pickle" if pickled else None)


@pytest.mark.parametrize("name", sorted([*images.ALGORITHMS, "xgboost"]))
@pytest.mark.parametrize(
    "place",
    [
        "123412341234.dkr.ecr.us-east-1.amazonaws.com/",
        "123412341234.dkr.ecr.us-east-1.amazonaws.com/my/",
        f"{ALGORITHMS_HERE}my/",
        "my/",
        "localhost/",
        "localhost:5000/",
        "registry.example.com/",
        "382416733822.dkr.ecr.us-east-1.amazonaws.com.evil/x/",
        "x382416733822.dkr.ecr.us-east-1.amazonaws.com/",
    ],
)
def test_an_own_image_that_is_only_called_so_is_not_the_algorithm(place: str, name: str) -> None:
    image = f"{place}{name}:latest"
    with pytest.raises(UnsupportedImage, match=f"own images cannot be run yet.* write {name}:1") as caught:
        images.select(image, (3, 11))
    assert image in str(caught.value)
    assert not images.trains_alone(image, {})


@pytest.mark.parametrize("algorithm", sorted(images.ALGORITHMS))
def test_an_algorithm_is_told_by_its_own_name(algorithm: str) -> None:
    for tag in (":1", ":latest", "@sha256:aa", ""):
        for place in (ALGORITHMS_HERE, ""):
            selection = images.select(f"{place}{algorithm}{tag}", (3, 11))
            assert (selection.framework, selection.notes) == (algorithm, ())
            assert selection.definition.framework == "scikit-learn"
    assert images.select(f"{PREFIX}sagemaker-xgboost:1.7-1", (3, 11)).framework == "xgboost"


def test_the_toolkit_has_a_part_for_each_algorithm() -> None:
    assert WITHOUT_SCRIPTS.keys() == images.ALGORITHMS
    for name, module in WITHOUT_SCRIPTS.items():
        assert importlib.util.find_spec(module) is not None
        assert ALGORITHMS[name] == module


def test_the_note_says_what_is_used() -> None:
    selection = images.select(f"{PREFIX}sagemaker-scikit-learn:1.0-1-cpu-py3", (3, 11, 7))
    assert selection.notes == (
        "image sagemaker-scikit-learn:1.0-1-cpu-py3 asks for scikit-learn 1.0; "
        "scikit-learn 1.2.2 is the nearest on Python 3.11",
    )


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("pytorch-inference-neuronx:2.1.2-neuronx-py310", "special device"),
        ("stabilityai-pytorch-inference:2.0.1-sgm0.1.0-gpu-py310", "this variant of PyTorch"),
        ("huggingface-pytorch-tgi-inference:2.3.0-tgi2.0.2-gpu-py310", "language model servers"),
        ("djl-inference:0.28.0-lmi10.0.0-cu124", "language model servers"),
        ("tensorflow-inference-eia:2.0.0-cpu", "special device"),
        ("huggingface-tensorflow-training:2.6.3-transformers4.17.0", "Hugging Face with this framework"),
        ("blazingtext:1", "this one of the built-in algorithms"),
        ("linear-learner-2:1", "own images"),
        ("sagemaker-spark-processing:3.3", "Spark"),
        ("my-own:latest", "own images cannot be run yet"),
        ("", "own images"),
    ],
)
def test_others_are_refused_by_name(image: str, words: str) -> None:
    with pytest.raises(UnsupportedImage, match=words) as caught:
        images.select(PREFIX + image, (3, 11))
    assert PREFIX + image in str(caught.value)
    assert "sagemaker-scikit-learn" in str(caught.value)
    assert caught.value.reason.startswith("ClientError: ")


def test_tensorflow_before_2_16_has_keras_2() -> None:
    for tag, legacy in (("2.14.1-cpu-py310", True), ("1.15.2", True), ("2.16.2-cpu", False), ("2.20.0", False)):
        selection = images.select(f"{PREFIX}tensorflow-training:{tag}", (3, 11))
        assert dict(selection.variables) == ({"TF_USE_LEGACY_KERAS": "1"} if legacy else {})
        assert any("Keras 2" in note for note in selection.notes) == legacy


def test_gpu_builds_of_tensorflow_compute_on_the_cpu() -> None:
    selection = images.select(f"{PREFIX}tensorflow-inference:2.20.0-gpu", (3, 11, 7))
    assert selection.notes == (
        "image tensorflow-inference:2.20.0-gpu is made for GPUs; tensorflow 2.20.0 computes on the CPU here",
    )


def test_a_python_for_which_nothing_is_there() -> None:
    with pytest.raises(UnsupportedImage, match=r"Python 3\.99"):
        images.select(f"{PREFIX}sagemaker-scikit-learn:1.2-1", (3, 99))


@pytest.mark.parametrize("definition", images.DEFINITIONS, ids=lambda definition: definition.name)
def test_locks_hold_what_the_table_promises(definition: images.Definition) -> None:
    lock = environments.read_lock(definition.name)
    packages = {"xgboost-3.2": "xgboost-cpu"}
    version = definition.label.rpartition(" ")[2]
    if definition.framework != "pytorch":
        assert f"\n{packages.get(definition.name, definition.framework)}=={version}" in lock
    assert f"'{_after(definition.newest_python)}'" in lock, "made for another range of Python"
    assert "://" not in lock
    assert all(line[0] != "-" for line in lock.splitlines() if line)
    requirements = [line for line in lock.splitlines() if "==" in line and not line.startswith("#")]
    assert all(line.endswith(" \\") for line in requirements), "a requirement without a hash"
    if definition not in {images.CLIENT, images.CLIENT_3, images.SDK_2, images.SDK_3, images.FUNCTIONS}:
        for needed in ("httptools==", "uvloop==", "pip==", "numpy==", "pandas=="):
            assert f"\n{needed}" in lock
    assert not re.search(r"^(torch|nvidia-|cuda-|triton)", lock, re.MULTILINE), "these come on top, see torch_builds"


def _after(python: tuple[int, ...]) -> str:
    return f"{python[0]}.{python[1] + 1}"


@pytest.mark.parametrize(
    ("image", "hyperparameters", "variables", "command", "alone"),
    [
        ("kmeans:1", {}, None, None, True),
        ("kmeans:1", {"sagemaker_program": "x"}, {"SAGEMAKER_PROGRAM": "x"}, [], True),  # which it then refuses
        ("kmeans:1", {}, {}, ["python", "own.py"], False),
        ("1/sagemaker-xgboost:1.7-1", {"num_round": "1"}, {"OTHER": "x"}, None, True),
        ("1/sagemaker-xgboost:1.7-1", {"sagemaker_program": '"x"'}, None, None, False),
        ("1/sagemaker-xgboost:1.7-1", {}, {"SAGEMAKER_PROGRAM": "x"}, None, False),
        ("1/sagemaker-xgboost:1.7-1", {}, None, ["/bin/bash"], False),
        ("1/sagemaker-scikit-learn:1.2-1", {}, None, None, False),
    ],
)
def test_what_trains_by_itself(
    image: str,
    hyperparameters: dict[str, str],
    variables: dict[str, str] | None,
    command: list[str] | None,
    alone: bool,
) -> None:
    assert images.trains_alone(image, hyperparameters, variables, command) is alone
    tells = alone or (image.endswith("xgboost:1.7-1") and not command)
    assert images.tells_metrics(image, hyperparameters, variables, command) is tells


def test_which_images_something_stands_for() -> None:
    served = ("kmeans:1", f"{ALGORITHMS_HERE}xgboost:1", f"{PREFIX}sagemaker-scikit-learn:0.20", "pytorch-training:9")
    assert all(map(images.has_family, served))
    assert not any(
        map(images.has_family, (f"{ALGORITHMS_HERE}lda:1", "1.dkr.ecr.us-east-1.amazonaws.com/kmeans:1", ""))
    )
