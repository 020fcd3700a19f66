"""Which units get a layer of packages, and what they are told."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clary.base.clock import SystemClock
from clary.engine.layering import (
    with_packages_of_model,
    with_packages_of_processing,
    with_packages_of_training,
)
from clary.engine.surroundings import Surroundings
from clary.runtimes.layers import Layer, Layers
from clary.runtimes.port import UnitSpec
from clary.runtimes.process import LOG_NOTES

TEXT = "# ours\nseaborn\n"
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


class Known(Layers):
    """Has the layer for one text."""

    def find(self, environment: Path, requirements: str) -> Layer | None:
        if requirements != "seaborn\n":
            return None
        return Layer(environment / "layer", ("seaborn==0.13.2",), datetime(2026, 3, 4, 5, 6, tzinfo=UTC))


@pytest.fixture
def known(around: Surroundings, tmp_path: Path) -> Surroundings:
    return replace(around, layers=Known(tmp_path / "layers", SystemClock()))


@pytest.fixture
def spec(tmp_path: Path) -> UnitSpec:
    opt_ml = tmp_path / "opt-ml"
    (opt_ml / "model" / "code").mkdir(parents=True)
    (opt_ml / "model" / "code" / "requirements.txt").write_text(TEXT)
    variables = {"A": "1", LOG_NOTES: "first", "CLARY_REQUIREMENTS": "the job's own"}
    return UnitSpec("u", ["python"], variables, tmp_path / "environment", opt_ml)


def packed(path: Path, **files: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("_", "."))
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def of_training(around: Surroundings, spec: UnitSpec, archive: Path | None, program: str = "train.py") -> UnitSpec:
    request = {"AlgorithmSpecification": {}, "HyperParameters": {"sagemaker_program": f'"{program}"'}}
    return with_packages_of_training(around, spec, request, archive)


def test_a_unit_is_told_what_is_there(known: Surroundings, spec: UnitSpec, tmp_path: Path) -> None:
    expected = {
        "A": "1",
        LOG_NOTES: "first\nrequirements.txt: seaborn==0.13.2 beside the environment, as of 2026-03-04 05:06 UTC",
        "CLARY_REQUIREMENTS": DIGEST,
    }
    archive = packed(tmp_path / "source.tar.gz", train_py="", requirements_txt=TEXT)
    for found in (of_training(known, spec, archive), with_packages_of_model(known, spec)):
        assert found.front == spec.environment / "layer"
        assert found.variables == expected


def test_a_source_of_its_own_counts_and_not_the_models(known: Surroundings, spec: UnitSpec) -> None:
    packed(spec.opt_ml / "input/source/sourcedir.tar.gz", inference_py="")
    found = with_packages_of_model(known, spec)
    assert (found.front, found.variables) == (None, {"A": "1", LOG_NOTES: "first"})


def test_a_folder_of_packages_stands_in_place_of_the_file(known: Surroundings, spec: UnitSpec) -> None:
    (spec.opt_ml / "model" / "code" / "lib").mkdir()
    assert with_packages_of_model(known, spec).front
    tensorflow = replace(spec, variables={"CLARY_FRAMEWORK": "tensorflow"})
    assert with_packages_of_model(known, tensorflow).front is None


def test_nothing_comes_where_nothing_would_be_installed(known: Surroundings, spec: UnitSpec, tmp_path: Path) -> None:
    archive = packed(tmp_path / "source.tar.gz", requirements_txt=TEXT)
    assert of_training(known, spec, archive, "train.sh").front is None
    assert of_training(known, spec, None).front is None
    own = {"AlgorithmSpecification": {"ContainerEntrypoint": ["python", "own.py"]}}
    assert with_packages_of_training(known, spec, own, archive).front is None
    by_variable = replace(spec, variables={"SAGEMAKER_PROGRAM": "train.py"})
    assert with_packages_of_training(known, by_variable, {"AlgorithmSpecification": {}}, archive).front


@pytest.mark.parametrize(
    ("line", "installs"),
    [
        ("$SM_PYTHON_CMD /opt/ml/input/data/sm_drivers/scripts/install_requirements.py requirements.txt", True),
        ("    python -m pip install -r requirements.txt", True),
        ("$SM_PYTHON_CMD /opt/ml/input/data/sm_drivers/scripts/install_requirements.py other.txt", False),
        ("echo requirements.txt", False),
    ],
)
def test_the_sdks_own_scripts_say_whether_they_install(
    known: Surroundings, spec: UnitSpec, line: str, installs: bool
) -> None:
    data, processing = spec.opt_ml / "input" / "data", spec.opt_ml / "processing" / "input"
    for folder in (data / "sm_drivers", data / "code", processing / "entrypoint"):
        folder.mkdir(parents=True)
    (data / "code" / "requirements.txt").write_text(TEXT)
    packed(processing / "code" / "sourcedir.tar.gz", requirements_txt=TEXT)
    request = {"AlgorithmSpecification": {"ContainerEntrypoint": ["/bin/bash"]}}
    assert with_packages_of_training(known, spec, request, None).front is None
    assert with_packages_of_processing(known, spec).front is None
    for script in (data / "sm_drivers" / "sm_train.sh", processing / "entrypoint" / "runproc.sh"):
        script.write_text(f"#!/bin/bash\n{line}\n")
    assert bool(with_packages_of_training(known, spec, request, None).front) is installs
    assert bool(with_packages_of_processing(known, spec).front) is installs


@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "UV_INDEX", "HTTPS_PROXY", "CA_REPOSITORY_ARN"])
def test_own_sources_are_the_units_affair(known: Surroundings, spec: UnitSpec, name: str) -> None:
    found = with_packages_of_model(known, replace(spec, variables={**spec.variables, name: "x"}))
    assert (found.front, dict(found.variables).get("CLARY_REQUIREMENTS")) == (None, None)


def test_who_gets_none(around: Surroundings, known: Surroundings, spec: UnitSpec, tmp_path: Path) -> None:
    assert with_packages_of_model(around, spec).front is None, "nothing makes layers"
    assert with_packages_of_model(known, replace(spec, network=False)).front is None
    other = replace(spec, front=tmp_path)
    assert with_packages_of_model(known, other).front == tmp_path
    file = spec.opt_ml / "model/code/requirements.txt"
    for text in ("seaborn --hash=sha256:00\n", "-c c.txt\nseaborn\n", "other\n", "x" * 100_000):
        file.write_text(text)
        assert with_packages_of_model(known, spec).front is None
    file.unlink()
    (tmp_path / "elsewhere").write_text(TEXT)
    file.symlink_to(tmp_path / "elsewhere")
    assert with_packages_of_model(known, spec).front is None
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(b"\x1f\x8bdamaged")
    assert of_training(known, spec, damaged).front is None
