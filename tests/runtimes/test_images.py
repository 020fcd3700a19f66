"""Images to environments."""

from __future__ import annotations

import pytest

from clary.runtimes import environments, images
from clary.runtimes.errors import UnsupportedImage

PREFIX = "683313688378.dkr.ecr.us-east-1.amazonaws.com/"


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
        ("xgboost:1", (3, 11), "xgboost-1.7", False),
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


def test_the_note_says_what_is_used() -> None:
    selection = images.select(f"{PREFIX}sagemaker-scikit-learn:1.0-1-cpu-py3", (3, 11, 7))
    assert selection.notes == (
        "image sagemaker-scikit-learn:1.0-1-cpu-py3 asks for scikit-learn 1.0; "
        "scikit-learn 1.2.2 is the nearest on Python 3.11",
    )


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("pytorch-training:2.3.0-cpu-py311", "PyTorch cannot be run yet"),
        ("huggingface-pytorch-inference:2.1.0", "cannot be run yet"),
        ("tensorflow-training:2.14.1-cpu-py310", "TensorFlow"),
        ("linear-learner:1", "built-in algorithms"),
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


def test_a_python_for_which_nothing_is_there() -> None:
    with pytest.raises(UnsupportedImage, match=r"Python 3\.99"):
        images.select(f"{PREFIX}sagemaker-scikit-learn:1.2-1", (3, 99))


@pytest.mark.parametrize("definition", images.DEFINITIONS, ids=lambda definition: definition.name)
def test_locks_hold_what_the_table_promises(definition: images.Definition) -> None:
    lock = environments.read_lock(definition.name)
    packages = {"xgboost-3.2": "xgboost-cpu"}
    version = definition.label.rpartition(" ")[2]
    assert f"\n{packages.get(definition.name, definition.framework)}=={version}" in lock
    assert f"'{_after(definition.newest_python)}'" in lock, "made for another range of Python"
    assert "://" not in lock
    assert all(line[0] != "-" for line in lock.splitlines() if line)
    requirements = [line for line in lock.splitlines() if "==" in line and not line.startswith("#")]
    assert all(line.endswith(" \\") for line in requirements), "a requirement without a hash"
    if definition not in images.WITHOUT_TOOLKIT | {images.FUNCTIONS}:
        for needed in ("httptools==", "uvloop==", "pip==", "numpy==", "pandas=="):
            assert f"\n{needed}" in lock


def _after(python: tuple[int, ...]) -> str:
    return f"{python[0]}.{python[1] + 1}"
