"""PyTorch beside the lock: where it is looked for, what is said when it is not there. With wheels made here."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from clary.runtimes import environments, overlay, torch_builds
from clary.runtimes.environments import Environments
from clary.runtimes.errors import EnvironmentBuildError
from clary.runtimes.images import Definition

TOOLKIT = Path(__file__).parents[2] / "toolkit" / "src"
SMALL = Definition("small", "pytorch", (2, 13, 0), with_torch=True)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only source of packages."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    beside = make_wheel(folder, "beside", "1.0")
    digest = hashlib.sha256(beside.read_bytes()).hexdigest()
    monkeypatch.setattr(environments, "read_lock", lambda _name: f"beside==1.0 --hash=sha256:{digest}\n")
    monkeypatch.setattr(environments, "_GPU_DEVICE", tmp_path / "no-gpu")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)  # it would count instead
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    return folder


def make_wheel(folder: Path, name: str, version: str) -> Path:
    about = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", f"__version__ = {version!r}\n")
        wheel.writestr(f"{name}/distributed/__init__.py", "")
        wheel.writestr(f"{name}/distributed/run.py", "import sys\nprint(sys.prefix, *sys.argv[1:])\n")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return path


def test_the_build_for_processors_from_the_configured_source(wheels: Path, tmp_path: Path) -> None:
    make_wheel(wheels, "torch", "2.13.0+cpu")
    alone = Environments(tmp_path / "alone").prepare_definition(SMALL)
    assert alone.notes[0].startswith("torchvision is not installed")
    for package in ("beside", "torch"):
        assert list(alone.path.glob(f"lib/*/site-packages/{package}/__pycache__/*.pyc")), "units cannot compile it"
    again = Environments(tmp_path / "alone").prepare_definition(SMALL)
    assert again.notes == alone.notes, "a warm environment says the same"
    make_wheel(wheels, "torchvision", "0.28.0+cpu")
    assert Environments(tmp_path / "both").prepare_definition(SMALL).notes == ()


def test_the_launcher_of_a_unit_runs_in_its_thin_environment(wheels: Path, tmp_path: Path) -> None:
    make_wheel(wheels, "torch", "2.13.0+cpu")
    shared = Environments(tmp_path / "alone").prepare_definition(SMALL)
    thin = tmp_path / "thin"
    overlay.make_overlay(thin, overlay.read_interpreter(shared.path), toolkit=TOOLKIT)
    words = ["--master_addr=127.64.0.1", "--master_port=7777", "train.py"]
    variables = {"PATH": "/usr/bin:/bin", "CLARY_SCRATCH": str(tmp_path / "scratch")}
    shown = subprocess.run(
        [thin / "bin" / "torchrun", *words], env=variables, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == [str(thin), "--master_addr=127.64.0.1", "--master_port=16384", "train.py"]


def test_a_failure_names_all_that_was_tried(wheels: Path, tmp_path: Path) -> None:
    make_wheel(wheels, "torch", "2.12.0+cpu")
    with pytest.raises(EnvironmentBuildError) as caught:
        Environments(tmp_path / "none").prepare_definition(SMALL)
    told = caught.value.reason
    assert told.startswith("InternalServerError: The environment small could not be built, because PyTorch")
    assert "find-links or extra-index-url" in told
    for part in ("(1) torch==2.13.0+cpu and torchvision==0.28.0+cpu from the configured", "(3) torch==2.13.0 and"):
        assert part in told
    assert not list((tmp_path / "none").glob("*/.ready"))


def test_a_machine_with_a_gpu_has_another_environment(wheels: Path, tmp_path: Path) -> None:
    builds = {torch_builds.describe_build(gpu=gpu) for gpu in (False, True)}
    assert len(builds) == 2
    (first, *_) = torch_builds.ways_to_install(gpu=True)
    assert "--torch-backend=auto" in first.options
    assert "--no-deps" not in first.options, "the libraries for the GPU come along"
